# ila_jax on a CPU, or with CUDA 13 (the driver is the host's):
#
#   docker build --tag ila .
#   docker build --tag ila:cuda13 --build-arg EXTRAS=cuda13,tfds .
#
#   docker run --rm --volume "$PWD:/data" ila python -m ila_jax.predict runs/quickstart video.mp4
#   docker run --rm --gpus all --shm-size 8g --volume /shared:/data ila:cuda13 \
#       python -m ila_jax.train --config k400/b16_8f --workdir runs/b16 …
#
# /data is the working directory, for videos, weights and runs. /cache holds compiled programs. What is
# mounted there has to be writable for user 1000: --user "$(id -u):$(id -g)" takes another.
ARG PYTHON=3.13.9

FROM python:${PYTHON}-slim-trixie AS build
# Of pyproject.toml, with commas between: tfds reads and prepares shards; cuda12 and cuda13 are jax's.
ARG EXTRAS=tfds
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/ila
WORKDIR /source
COPY . .
# The versions that the tests passed with. Every dependency has a wheel: nothing is compiled.
RUN pins="tools/constraints-$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt" \
    && /opt/ila/bin/pip install --constraint "$pins" ".[$EXTRAS]" \
    && /opt/ila/bin/pip uninstall --yes pip

FROM python:${PYTHON}-slim-trixie
RUN useradd --uid 1000 --create-home ila \
    && install --directory --owner ila --mode 1777 /data /cache
COPY --from=build /opt/ila /opt/ila
# Compiled programs go below XDG_CACHE_HOME, which a container without a home of its own has, too.
ENV PATH=/opt/ila/bin:$PATH XDG_CACHE_HOME=/cache PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /data
VOLUME ["/data", "/cache"]
CMD ["python", "-m", "ila_jax.report"]

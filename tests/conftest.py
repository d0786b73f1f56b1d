"""What every test runs under: eight virtual devices, strict arithmetic, no network; shared runs."""

import atexit
import os
import shutil
import signal
import socket
import tempfile

# Started in the background by a shell, the tests ignore Ctrl-C, and so would what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Before jax is imported, here or in a process that a test starts: eight devices to shard over.
os.environ["XLA_FLAGS"] = " ".join(
    [os.environ.get("XLA_FLAGS", ""), "--xla_force_host_platform_device_count=8"]
).strip()
# The tests pin numbers of a CPU; ILA_TEST_PLATFORM=cuda runs them elsewhere.
os.environ["JAX_PLATFORMS"] = os.environ.get("ILA_TEST_PLATFORM", "cpu")

# What several tests compile is compiled once, also by the processes that they start. The folder is
# made by the first process, so that nothing from before is used, and told to the others.
if "PYTEST_XDIST_WORKER" not in os.environ:
    compiled = tempfile.mkdtemp(prefix="ila-compiled-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = compiled
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"

import jax
import pytest

# A shape that broadcasts by accident is a bug that no value test is sure to find.
jax.config.update("jax_numpy_rank_promotion", "raise")
# Parity is in full float32, where an accelerator would take fewer bits.
jax.config.update("jax_default_matmul_precision", "highest")

_LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "", None)


def _local(host) -> bool:
    host = host.decode() if isinstance(host, bytes) else host
    return host in _LOCAL or host.startswith("127.") or host == socket.gethostname()


def _guarded(connect):
    def guard(self, address):
        if self.family != socket.AF_UNIX and not _local(address[0]):
            raise PermissionError(f"tests use no network, and this one connects to {address!r}")
        return connect(self, address)

    return guard


def _guarded_lookup(getaddrinfo):
    def guard(host, *args, **kwargs):
        if not _local(host):
            raise PermissionError(f"tests use no network, and this one looks up {host!r}")
        return getaddrinfo(host, *args, **kwargs)

    return guard


# For the whole process and for good: threads that outlive their test are guarded as well.
socket.socket.connect = _guarded(socket.socket.connect)  # type: ignore[method-assign]
socket.socket.connect_ex = _guarded(socket.socket.connect_ex)  # type: ignore[method-assign]
socket.getaddrinfo = _guarded_lookup(socket.getaddrinfo)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Overrides that point a run to 64 + 16 real videos."""
    from tests.train import runs  # which imports jax, after the lines above

    return runs.data(tmp_path_factory.mktemp("pairs") / "data")


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A folder of weights, as a string: of a small model that tells five named classes apart."""
    from ila_jax.recognizer import Recognizer
    from ila_jax.weights.folder import save
    from tests.models import small

    # Spatial attention alone: these tests are of what lies around a model, and it compiles fast.
    config = small.config("spatial", "linear")
    names = ["one", "two", "three", "four", "five"]
    folder = tmp_path_factory.mktemp("weights") / "linear"
    save(Recognizer(config, small.filled(config), names), folder)
    return str(folder)


@pytest.fixture
def quick_start(monkeypatch):
    """A fresh start of models that is quick to make, for tests that look at other things."""
    from ila_jax.models import model
    from tests.weights import marks

    monkeypatch.setattr(model, "initialize", marks.initialize)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, pairs, cache):
    """Folder of a run from the first step to the last, with two loading threads and a trace."""
    from tests.train import runs

    workdir = tmp_path_factory.mktemp("undisturbed") / "run"
    told = {"train.peak_tflops": 0.5}
    run = runs.start(workdir, pairs | told, cache=cache, flags=["--profile", "100:101"])
    assert "the trace is in" in runs.finish(run)
    return workdir


@pytest.fixture(scope="session")
def movers(tmp_path_factory):
    """Overrides that point a run to 64 + 24 real videos, each of none to three classes."""
    from tests.data.movers import make

    path = make(tmp_path_factory.mktemp("movers"))
    return {
        "data.train": f"split:{path}@train",
        "data.validation": f"split:{path}@validation",
        "data.class_names": None,
        "data.root": "",
        "data.motion_pairs": None,
        "model.classes": 3,
        "model.temporal": "spatial",
        "model.probabilities": "sigmoid",
        "train.loss": "binary_cross_entropy",
        "train.best_metric": "map",
        # Colours are what tells these classes apart.
        "augment.jitter": 0.0,
        "augment.grayscale": 0.0,
    }

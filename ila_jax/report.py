"""python -m ila_jax.report: what a report of a fault should say of this machine and of a run."""

import argparse
import json
import os
import platform
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from ila_jax import cli

_HELP = """\
Prints versions, devices and settings of this machine as Markdown, and of a run its configuration,
its checkpoints and the last figures that it logged: what to put into the report of a fault. Of a
path only the last name is shown, of addresses and hosts nothing. Nothing is sent anywhere: read it,
and paste it.

  this machine:
    python -m ila_jax.report
  and a run:
    python -m ila_jax.report runs/quickstart
"""
_PACKAGES = (
    "ila-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "array-record", "av",
    "numpy", "scipy", "opencv-python-headless", "tensorflow-datasets", "ml_collections", "torch",
    "transformers",
)  # fmt: skip
# Variables by which people change what jax, XLA and this package do; and whose values nobody needs.
_VARIABLES = re.compile(r"(JAX|XLA|ILA|CUDA|NVIDIA|ROCR?|HIP|TPU|LIBTPU|OMP|MKL)_\w+")
_PRIVATE = re.compile("ADDRESS|HOST|NAME|TOKEN|KEY|SECRET|PASS")
_FIGURES = 3  # of the last entries of a run's log


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _report(arguments))


def _report(arguments: Sequence[str] | None) -> None:
    options = _parser().parse_args(arguments)
    # Read first: what is wrong with the folder is said before jax is loaded.
    run = [] if options.run is None else list(_run(options.run))
    print("\n".join([*_machine(), *run]))


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("report", _HELP)
    parser.add_argument(
        "run", nargs="?", type=cli.some_path, metavar="RUN", help="folder of a run, to be described"
    )
    return parser


def _machine() -> Iterator[str]:
    yield "### Machine\n"
    yield f"- {platform.platform()}, {os.cpu_count()} cores"
    yield f"- Python {platform.python_version()}"
    yield f"- devices: {_devices()}"
    yield f"- {', '.join(f'{name} {version}' for name, version in _versions())}"
    for name, value in sorted(os.environ.items()):
        if _VARIABLES.fullmatch(name):
            yield f"- `{name}={_of_variable(name, value)}`"


def _of_variable(name: str, value: str) -> str:
    """What is shown of the value of an environment variable."""
    if _PRIVATE.search(name):
        return "(set)"
    if not value.startswith("-"):
        return last_name(value)
    # Flags, each of which may have a path behind its =.
    flags = (flag.partition("=") for flag in value.split())
    return " ".join(name + sign + last_name(of_flag) for name, sign, of_flag in flags)


def _devices() -> str:
    """The devices that jax finds, with the memory that it may take of one, in words."""
    import jax

    try:
        devices = jax.devices()
    except RuntimeError as error:
        return f"none, since jax says: {' '.join(map(last_name, str(error).split()))}"
    counts = Counter(f"{device.platform}, {device.device_kind}" for device in devices)
    stats = devices[0].memory_stats() or {}
    memory = f", {stats['bytes_limit'] / 2**30:.1f} GiB each" if "bytes_limit" in stats else ""
    return "; ".join(f"{count} × {kind}" for kind, count in counts.items()) + memory


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "not installed"


def _run(folder: Path) -> Iterator[str]:
    """What a run's folder tells. Errors: ValueError for a folder of something else."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{folder}: expected the folder of a run, with config.json in it, and found none that "
            "can be read: give what --workdir of python -m ila_jax.train was, or the folder run in "
            "that of python -m ila_jax.finetune"
        ) from error
    from ila_jax.scoring.history import read_metrics

    yield "\n### Run\n"
    for kind in ("latest", "best"):
        yield f"- {kind} checkpoints: {', '.join(_steps(folder / 'checkpoints' / kind)) or 'none'}"
    for entry in read_metrics(folder / "metrics.jsonl")[-_FIGURES:]:
        yield f"- logged: `{json.dumps(entry)}`"
    shown = json.dumps(_shown(config), indent=1, ensure_ascii=False)
    yield f"- configuration:\n\n```json\n{shown}\n```"


def _steps(folder: Path) -> list[str]:
    """The steps of a folder's checkpoints, with a word to those that are not complete."""
    from ila_jax.weights.checksums import unfinished

    steps = sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())
    whole = {step for step in steps if unfinished(folder / str(step)) is None}
    return [str(step) if step in whole else f"{step} (incomplete)" for step in steps]


def _shown(values: Any) -> Any:
    """The values of a configuration, of whose paths only the last name is left."""
    if isinstance(values, dict):
        return {key: _shown(value) for key, value in values.items()}
    if isinstance(values, list):
        return [_shown(value) for value in values]
    return last_name(values) if isinstance(values, str) else values


def last_name(value: str) -> str:
    """A value that may be a path, with … for all of its folders: they are nobody else's business.

    Of `split:/home/me/split.csv@train` it leaves `split:…/split.csv@train`, of the home folder ~.
    """
    value = value.replace(str(Path.home()), "~")
    # A kind of data is of two letters or more, so that it is no drive of Windows.
    path = re.fullmatch(r"(\w{2,}:)?.*[/\\](.*)", value, re.DOTALL)
    return value if path is None else f"{path[1] or ''}…/{path[2]}"


if __name__ == "__main__":
    cli.leave(main())

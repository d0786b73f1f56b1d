"""Constraints for pip on standard output, a `name==version` on each line.

python tools/pins.py lowest         the lowest versions that pyproject.toml allows
python tools/pins.py report FILE    what a report of `pip install --report FILE` would install
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

# What PyTorch's plain wheel brings for GPUs; its CPU build, under the same version, has none of it.
_OF_CUDA = ("cuda", "nvidia", "triton")


def lowest(requirements: list[str]) -> list[str]:
    """The floor of each `name>=1.2,<2`. Errors: ValueError for a requirement without one."""
    pins = []
    for requirement in requirements:
        parts = re.fullmatch(r"([\w.-]+)>=([\w.]+)(,<[\w.]+)?", requirement)
        if parts is None:
            raise ValueError(f"{requirement}: expected name>=version, a version that was tried")
        pins.append(f"{parts[1]}=={parts[2]}")
    return pins


def tried(project: dict[str, Any]) -> list[str]:
    """The requirements whose floors the tests are run with: all of the core's, and TFDS's."""
    return [*project["dependencies"], *project["optional-dependencies"]["tfds"]]


def reported(report: dict[str, Any]) -> list[str]:
    """Every package of pip's report but ila_jax itself, sorted by name."""
    packages = {one["metadata"]["name"]: one["metadata"]["version"] for one in report["install"]}
    # Without a local part such as +cpu: PyPI has no versions with one.
    return [
        f"{name}=={version.partition('+')[0]}"
        for name, version in sorted(packages.items(), key=lambda item: item[0].lower())
        if name != "ila-jax" and not name.startswith(_OF_CUDA)
    ]


def main(arguments: list[str]) -> None:
    """Prints what the arguments ask for; other arguments end with the help."""
    if arguments == ["lowest"]:
        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
        print(*lowest(tried(project["project"])), sep="\n")
    elif len(arguments) == 2 and arguments[0] == "report":
        print(*reported(json.loads(Path(arguments[1]).read_text())), sep="\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

"""What a release has to be: one version everywhere, and the right files in what is published.

python tools/release.py version [TAG]    are the version, the changelog and the tag of one mind?
python tools/release.py contents DIST    do the wheel and the sdist hold what git has, and no more?
"""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What the sdist has of the repository's root.
_TOP = {
    "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "CHANGELOG.md", "CITATION.cff",
    "LICENSE",
}  # fmt: skip
# What setuptools adds. An egg-info is known by its folder, as its files differ between versions.
_METADATA = {"METADATA", "WHEEL", "RECORD", "top_level.txt"}
_OF_SDIST = {"PKG-INFO", "setup.cfg"}


def version_problems(root: Path, tag: str | None) -> list[str]:
    """What does not agree about the version, in sentences. tag: None where nothing is released."""
    version = str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])
    changes = (root / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## \[(.+?)\](.*)$", changes, re.MULTILINE)
    released = [(name, date) for name, date in sections if name != "Unreleased"]
    cited = re.search(r"^version: (.+)$", (root / "CITATION.cff").read_text(), re.MULTILINE)
    problems = []
    if not released or released[0][0] != version:
        newest = released[0][0] if released else "no version"
        problems.append(
            f"pyproject.toml has version {version}, and CHANGELOG.md begins with {newest}"
        )
    elif not re.fullmatch(r" - \d{4}-\d\d-\d\d", released[0][1]):
        problems.append(f"CHANGELOG.md: expected `## [{version}] - YYYY-MM-DD`")
    if cited is None or cited[1].strip() != version:
        problems.append(f"CITATION.cff: expected `version: {version}`")
    if tag is not None and tag != f"v{version}":
        problems.append(f"the tag is {tag}: expected v{version}")
    if tag is not None and _unreleased(changes):
        problems.append(f"CHANGELOG.md has unreleased changes: move them to the section of {tag}")
    return problems


def _unreleased(changes: str) -> str:
    """The text of the section [Unreleased], if any."""
    section = re.search(r"^## \[Unreleased\]$(.*?)(?=^## |\Z)", changes, re.MULTILINE | re.DOTALL)
    return section[1].strip() if section else ""


def content_problems(dist: Path, tracked: list[str]) -> list[str]:
    """Files that are missing or too many in the only wheel and the only sdist of a folder.

    tracked: the paths that git has. Errors: ValueError where there are not one of each.
    """
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    code = [name for name in tracked if name.startswith(("ila_jax/", "configs/"))]
    licences = {name for name in tracked if name == "LICENSE" or name.endswith(".LICENSE")}
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    installed = {name if name.startswith("ila_jax/") else f"ila_jax/{name}" for name in code}
    info = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    installed |= {f"{info}/{name}" for name in _METADATA}
    installed |= {f"{info}/licenses/{name}" for name in licences}
    with tarfile.open(sdist) as archive:
        members = [member.name.partition("/")[2] for member in archive if member.isfile()]
    source = {name for name in members if not name.startswith("ila_jax.egg-info/")}
    return [
        *_differences(wheel.name, packed, installed),
        *_differences(sdist.name, source, {*code, *_TOP, *_OF_SDIST}),
    ]


def _differences(archive: str, names: set[str], expected: set[str]) -> list[str]:
    return [
        *(f"{archive} lacks {name}" for name in sorted(expected - names)),
        *(
            f"{archive} has {name}, which does not belong there"
            for name in sorted(names - expected)
        ),
    ]


def main(arguments: list[str]) -> None:
    """Ends with the problems, and exit code 1 where there are any."""
    match arguments:
        case ["version", *tag] if len(tag) < 2:
            problems = version_problems(ROOT, tag[0] if tag else None)
        case ["contents", dist]:
            listed = ["git", "ls-files", "-z"]
            out = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
            problems = content_problems(Path(dist), out.stdout.rstrip("\0").split("\0"))
        case _:
            sys.exit(__doc__)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main(sys.argv[1:])

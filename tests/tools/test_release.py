"""What tools/release-check refuses: versions that differ, and files that do not belong there."""

import importlib.util
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def repository(
    folder, *, version="0.2.0", cited="0.2.0", changes="## [0.2.0] - 2026-12-01\n\n- a\n"
):
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    (folder / "CITATION.cff").write_text(f"cff-version: 1.2.0\nversion: {cited}\n")
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n{changes}")
    return folder


def test_this_repository_agrees_about_its_version(release):
    assert release.version_problems(ROOT, None) == []


@pytest.mark.parametrize("tag", [None, "v0.2.0"])
def test_one_version_everywhere(release, tmp_path, tag):
    empty = "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n- a\n"
    assert release.version_problems(repository(tmp_path, changes=empty), tag) == []


@pytest.mark.parametrize(
    ("changed", "tag", "problem"),
    [
        ({"version": "0.3.0", "cited": "0.3.0"}, None,
         "pyproject.toml has version 0.3.0, and CHANGELOG.md begins with 0.2.0"),
        ({"changes": "## [Unreleased]\n\n- b\n"}, None,
         "pyproject.toml has version 0.2.0, and CHANGELOG.md begins with no version"),
        ({"changes": "## [0.2.0]\n"}, None, "CHANGELOG.md: expected `## [0.2.0] - YYYY-MM-DD`"),
        ({"cited": "0.1.0"}, None, "CITATION.cff: expected `version: 0.2.0`"),
        ({}, "v0.3.0", "the tag is v0.3.0: expected v0.2.0"),
        ({"changes": "## [Unreleased]\n\n- b\n\n## [0.2.0] - 2026-12-01\n"}, "v0.2.0",
         "CHANGELOG.md has unreleased changes: move them to the section of v0.2.0"),
    ],
)  # fmt: skip
def test_what_differs_is_told(release, tmp_path, changed, tag, problem):
    assert release.version_problems(repository(tmp_path, **changed), tag) == [problem]


TRACKED = [
    "LICENSE",
    "README.md",
    "ila_jax/a.py",
    "ila_jax/b.LICENSE",
    "configs/c.py",
    "tests/t.py",
]
INFO = "ila_jax-0.2.0.dist-info/"
WHEEL, SDIST = "ila_jax-0.2.0-py3-none-any.whl", "ila_jax-0.2.0.tar.gz"


def dist(release, folder, *, wheel=(), sdist=(), without=()):
    """A wheel and an sdist as they should be of TRACKED, with more files, and without some."""
    names = {"ila_jax/a.py", "ila_jax/b.LICENSE", "ila_jax/configs/c.py", *wheel}
    names |= {INFO + name for name in ("METADATA", "WHEEL", "RECORD", "top_level.txt")}
    names |= {f"{INFO}licenses/LICENSE", f"{INFO}licenses/ila_jax/b.LICENSE"}
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        for name in names.difference(without):
            archive.writestr(name, "")
    root = folder / "ila_jax-0.2.0"
    tops = release._TOP | release._OF_SDIST
    for name in (*tops, "ila_jax/a.py", "ila_jax/b.LICENSE", "configs/c.py", *sdist,
                 "ila_jax.egg-info/SOURCES.txt"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    with tarfile.open(folder / SDIST, "w:gz") as archive:
        archive.add(root, root.name)
    return folder


def test_what_git_has_is_what_is_published(release, tmp_path):
    assert release.content_problems(dist(release, tmp_path), TRACKED) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"without": ["ila_jax/configs/c.py"]}, f"{WHEEL} lacks ila_jax/configs/c.py"),
        ({"without": [f"{INFO}licenses/LICENSE"]}, f"{WHEEL} lacks {INFO}licenses/LICENSE"),
        ({"wheel": ["configs/c.py"]}, f"{WHEEL} has configs/c.py, which does not belong there"),
        ({"sdist": ["tests/t.py"]}, f"{SDIST} has tests/t.py, which does not belong there"),
    ],
)  # fmt: skip
def test_a_file_too_few_or_too_many_is_told(release, tmp_path, changed, problem):
    problems = release.content_problems(dist(release, tmp_path, **changed), TRACKED)
    assert problems == [problem]


def workflows():
    return {p.name: p.read_text() for p in (ROOT / ".github" / "workflows").glob("*.yml")}


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_actions_are_pinned_and_what_runs_is_here(name):
    text = workflows()[name]
    for line in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line)
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    for command in [step["run"].split()[0] for step in steps if "run" in step]:
        assert (ROOT / command).stat().st_mode & 0o100


def test_only_the_job_that_uploads_may_upload():
    jobs = yaml.safe_load(workflows()["release.yml"])["jobs"]
    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == "build"
    assert not [step for step in jobs["publish"]["steps"] if "run" in step]


def ignored(path):
    """Whether .dockerignore keeps a path of the root out: its last line that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and Path(path).match(line.lstrip("!")):
            out = not line.startswith("!")
    return out


def test_the_image_is_built_from_all_that_the_package_is_built_from(release):
    versions = ["tools/constraints-3.13.txt", "ila_jax", "configs"]
    assert [name for name in [*release._TOP, *versions] if ignored(name)] == []
    assert all(map(ignored, ["tests", "docs", ".git", "runs", "data"]))


def test_the_image_has_a_python_whose_versions_are_pinned_and_extras_that_there_are():
    text = (ROOT / "Dockerfile").read_text()
    version = re.search(r"ARG PYTHON=(\d+\.\d+)\.\d+", text)[1]
    assert (ROOT / "tools" / f"constraints-{version}.txt").exists()
    extras = {name for group in re.findall(r"EXTRAS=([\w,]+)", text) for name in group.split(",")}
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{name} = \[", project, re.MULTILINE) for name in extras)


def test_a_bad_call_is_told():
    python = [sys.executable, "tools/release.py"]
    bad = subprocess.run(python, cwd=ROOT, capture_output=True, text=True)
    assert bad.returncode == 1
    assert "release.py version [TAG]" in bad.stderr

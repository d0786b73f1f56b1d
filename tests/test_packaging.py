"""The wheel alone, in an environment and a folder of its own: complete, and all that is needed."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [
    "ila_jax", "configs", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "CHANGELOG.md",
    "CITATION.cff", "LICENSE",
]  # fmt: skip
# Some steps of the quickstart on a few clips.
SHORT = {
    "train.steps": 4,
    "train.batch": 8,
    "train.evaluate_every": 4,
    "train.checkpoint_every": 4,
    "evaluation.batch": 8,
    "evaluation.time_order": False,
    "data.motion_pairs.train_clips": 64,
    "data.motion_pairs.validation_clips": 8,
}


def build(kind, source, target):
    """A wheel or an sdist of a folder, by its own build backend."""
    code = (
        "import sys; from setuptools import build_meta\n"
        f"print(build_meta.build_{kind}(sys.argv[1]))"
    )
    target.mkdir(exist_ok=True)
    run = [sys.executable, "-c", code, str(target)]
    out = subprocess.run(run, cwd=source, capture_output=True, text=True, check=True)
    return target / out.stdout.splitlines()[-1]


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A clean copy of the sources, their wheel, and the wheel of their sdist."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    (source / "tests").mkdir()
    (source / "tests" / "test_a.py").touch()  # which setuptools would take
    with tarfile.open(build("sdist", source, folder / "dist")) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    wheels = [build("wheel", source, folder / "a"), build("wheel", unpacked, folder / "b")]
    return source, *wheels


@pytest.fixture(scope="module")
def python(built, tmp_path_factory):
    """Runs Python in a new environment that holds the wheel, and what these tests run with.

    The dependencies are looked up where the tests have them, which spares gigabytes of copies.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", symlinks=True)
    (packages,) = (folder / "venv/lib").glob("python*/site-packages")
    with zipfile.ZipFile(built[1]) as wheel:  # what an installation of pure Python does
        wheel.extractall(packages)
    needed = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "needed.pth").write_text("\n".join(needed))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*arguments):
        return subprocess.run(
            [str(folder / "venv/bin/python"), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


def test_the_wheel_holds_every_file_and_no_package_that_others_may_have(built):
    source, wheel, of_sdist = built
    expected = set()
    for folder, prefix in (("ila_jax", ""), ("configs", "ila_jax/")):
        for path in (source / folder).rglob("*"):
            if path.is_file():
                expected.add(prefix + path.relative_to(source).as_posix())
    assert "ila_jax/configs/k400/b16_8f.py" in expected
    assert "ila_jax/text/bpe_simple_vocab_16e6.LICENSE" in expected
    assert contents(wheel) == expected
    assert contents(of_sdist) == expected


def test_a_linked_clone_is_found_from_the_folder_that_it_was_cloned_into(built, tmp_path):
    """There Python sees a folder of the package's name, and nothing of the package in it."""
    clone = shutil.copytree(built[0], tmp_path / "ila_jax")
    link = build("editable", clone, tmp_path / "dist")
    venv.create(tmp_path / "venv", symlinks=True)
    (packages,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    with zipfile.ZipFile(link) as wheel:
        wheel.extractall(packages)
    code = "import ila_jax; print(ila_jax.__file__)"
    for folder in (tmp_path, tmp_path / "dist", clone):
        out = subprocess.run(
            [str(tmp_path / "venv/bin/python"), "-c", code],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert out.stdout == f"{clone / 'ila_jax/__init__.py'}\n", out.stderr


def test_the_sdist_holds_no_tests(built):
    """A part of them could not run."""
    (unpacked,) = (built[0].parent / "unpacked").iterdir()
    names = {path.name for path in unpacked.iterdir()}
    assert names >= set(SOURCES)
    assert "tests" not in names


def test_the_page_on_pypi_has_no_links_into_the_repository(built):
    with zipfile.ZipFile(built[1]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        page = wheel.read(name).decode()
    assert "Description-Content-Type: text/markdown" in page
    assert re.findall(r"\]\((?!\w+:|#)", page) == []
    readme = (ROOT / "README.md").read_text()
    texts = re.findall(r"(?<!!)\[([^\]]*)\]\((?!\w+:|#)", readme)
    assert texts
    assert [text for text in texts if text not in page] == []


def test_what_is_imported_is_the_wheel(python):
    out = python("-c", "import ila_jax, ila_jax.configs.ablation as a; print(a.__file__)")
    assert "/elsewhere" in out.stdout
    assert out.stdout.endswith("site-packages/ila_jax/configs/ablation.py\n"), out.stderr
    out = python("-c", "import configs")
    assert "ModuleNotFoundError: No module named 'configs'" in out.stderr


@pytest.mark.slow
def test_the_quickstart_trains_from_the_wheel(python):
    changed = [f"--config.{key}={value}" for key, value in SHORT.items()]
    given = ["--config", "quickstart", "--workdir", "runs/quickstart", *changed]
    out = python("-m", "ila_jax.train", *given)
    assert out.returncode == 0, out.stderr
    assert "step 4: top-1" in out.stderr


@pytest.mark.slow
def test_a_paper_configuration_is_planned_from_the_wheel(python):
    out = python("-m", "ila_jax.train", "--config", "k400/b16_8f", "--dry-run")
    assert out.returncode == 0, out.stderr
    assert "Memory of each of" in out.stdout

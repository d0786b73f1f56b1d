"""Which versions tools/* install, and on which Python."""

import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "{}.{}".format(*sys.version_info)


@pytest.fixture(scope="module")
def pins():
    spec = importlib.util.spec_from_file_location("pins", ROOT / "tools" / "pins.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def environment(tmp_path, script, **variables):
    """What a script prints that has sourced tools/environment, whose environment runs this test."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ILA_")}
    variables = ours | {"ILA_VENV": str(tmp_path / "venv")} | variables
    bin = tmp_path / "venv" / "bin"
    bin.mkdir(parents=True, exist_ok=True)
    (bin / "python").unlink(missing_ok=True)
    (bin / "python").symlink_to(sys.executable)
    command = ["bash", "-euc", f"source tools/environment; {script}"]
    return subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True)


def test_floors_are_pins(pins):
    assert pins.lowest(["jax>=0.8.0", "orbax-checkpoint>=0.11.28,<1"]) == [
        "jax==0.8.0",
        "orbax-checkpoint==0.11.28",
    ]


@pytest.mark.parametrize("requirement", ["jax", "jax<1", "jax~=1.0", "jax>=0.8,!=0.9"])
def test_every_dependency_has_a_floor(pins, requirement):
    with pytest.raises(ValueError, match="expected name>=version"):
        pins.lowest([requirement])


def test_what_pip_reports_without_ourselves_and_without_cuda(pins):
    versions = {"b": "2", "ila-jax": "0.1", "torch": "2.13.0+cpu", "A": "1", "nvidia-nccl": "3"}
    report = {"install": [{"metadata": {"name": n, "version": v}} for n, v in versions.items()]}
    assert pins.reported(report) == ["A==1", "b==2", "torch==2.13.0"]


def test_a_bad_call_is_told():
    bad = subprocess.run([sys.executable, "tools/pins.py", "report"], cwd=ROOT, capture_output=True)
    assert bad.returncode == 1
    assert b"pins.py lowest" in bad.stderr


def test_pinned_is_the_file_of_this_python(tmp_path):
    known = ROOT / "tools" / f"constraints-{VERSION}.txt"
    assert environment(tmp_path, "pins").stdout == (known.read_text() if known.exists() else "")


def test_newest_has_no_pins(tmp_path):
    assert environment(tmp_path, "pins", ILA_PINS="newest").stdout == ""


def test_lowest_is_of_the_project(tmp_path):
    lines = environment(tmp_path, "pins", ILA_PINS="lowest").stdout.splitlines()
    assert {"av==18.1.0", "tensorflow-datasets==4.9.10"} <= set(lines)
    assert all("==" in line for line in lines)


def test_other_pins_are_refused(tmp_path):
    refused = environment(tmp_path, "pins", ILA_PINS="old")
    assert refused.returncode == 1
    assert "ILA_PINS is old: expected pinned, newest or lowest" in refused.stderr


def test_a_python_is_found_by_its_version(tmp_path):
    (tmp_path / f"python{VERSION}").symlink_to(sys.executable)
    path = f"{tmp_path}:/usr/bin:/bin"
    out = environment(tmp_path, f'"$(python_of {VERSION})" --version', PATH=path).stdout
    assert out.startswith(f"Python {VERSION}.")
    assert environment(tmp_path, "python_of 3.5").returncode == 1


def test_a_python_that_is_too_old_is_told(tmp_path):
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1 || exit 1\n')
    old.chmod(0o755)
    refused = environment(tmp_path, "find_python", ILA_PYTHON=str(old))
    assert refused.returncode == 1
    assert f"ila_jax needs Python 3.11 or newer, and {old} is Python 3.9.1." in refused.stderr


def names(pins):
    """Of packages, as pip compares them."""
    return {pin.partition("==")[0].lower().replace("_", "-") for pin in pins}


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_dependency_is_pinned(pins, version):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "tools" / f"constraints-{version}.txt").read_text().splitlines()
    assert names(pins.lowest(pins.tried(project))) <= names(lines)

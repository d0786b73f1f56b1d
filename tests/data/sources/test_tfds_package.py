"""Without tensorflow-datasets, all that needs it says in a sentence how to get it."""

import sys

import pytest

from ila_jax.data.prepare import __main__ as prepare
from ila_jax.data.sources.opening import open_source

HOW = r"needs tensorflow-datasets, which cannot be imported.*pip install 'ila-jax\[tfds\]'"


@pytest.fixture(autouse=True)
def missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)


@pytest.mark.parametrize("where", ["prepared:nowhere@train", "tfds:clips@train"])
def test_a_data_set_that_it_reads(where):
    """Even one that is not there: the package comes first, or there would be a second surprise."""
    with pytest.raises(ValueError, match=HOW):
        open_source(where, root="", class_names=None)


@pytest.mark.parametrize("arguments", [["--to", "new", "--from", "nowhere"], ["--verify", "old"]])
def test_preparing_and_checking(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"data.prepare {HOW}"):
        prepare.main(arguments)
    assert not list(tmp_path.iterdir())


def test_other_data_sets_need_none_of_it(tmp_path):
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mp4").touch()
    assert open_source(str(tmp_path), root="", class_names=None).class_names == ("left", "right")

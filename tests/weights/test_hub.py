"""hf://owner/name: from the cache, and in a sentence without a network."""

import shutil
import sys

import pytest

import ila_jax
from ila_jax.weights.folder import save
from ila_jax.weights.hub import fetch

constants = pytest.importorskip("huggingface_hub.constants")
COMMIT = "0" * 40
pytestmark = pytest.mark.usefixtures("quick_start")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache; the tests' guard is the missing network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def cached(cache, name):
    """The place of a repository in the cache."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "snapshots").mkdir()
    return folder / "snapshots" / COMMIT


def test_without_network_and_cache_it_is_a_sentence(cache):
    with pytest.raises(ValueError, match="hf://a/b is not in the cache and cannot be fetched"):
        ila_jax.load("hf://a/b")


def test_the_cache_is_used_without_network(cache, tmp_path):
    made = ila_jax.create("tiny", "spatial", 2, head="linear", classes=3)
    save(made, tmp_path / "weights")
    shutil.move(tmp_path / "weights", cached(cache, "a/b"))
    assert ila_jax.load("hf://a/b").config == made.config


@pytest.mark.parametrize("name", ["hf://a", "hf://a/b/c", "hf:///b"])
def test_a_name_of_another_form_is_told(name):
    with pytest.raises(ValueError, match="expected hf://OWNER/NAME"):
        fetch(name)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r"pip install 'ila-jax\[hub\]'"):
        fetch("hf://a/b")

"""A saved model comes back bit for bit, and what is no model is told in words."""

import jax
import numpy as np
import pytest

import ila_jax
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.models import small


def recognizer(head):
    config = small.config("ila", head)
    return Recognizer(config, small.filled(config), ["left", "right"] if head == "text" else None)


@pytest.mark.parametrize("head", ["text", "linear"])
def test_a_saved_model_comes_back_bit_for_bit(head, tmp_path):
    there = recognizer(head)
    save(there, tmp_path / "new" / "model")
    found = ila_jax.load(tmp_path / "new" / "model")
    assert found.config == there.config
    assert found.class_names == there.class_names
    assert jax.tree.structure(found.variables) == jax.tree.structure(there.variables)
    jax.tree.map(np.testing.assert_array_equal, found.variables, there.variables)
    assert [x.dtype for x in jax.tree.leaves(found.variables)] == [
        x.dtype for x in jax.tree.leaves(there.variables)
    ]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model"]  # nothing half-written


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes").write_text("mine")
    with pytest.raises(ValueError, match="there exists: give the name of a folder to be made"):
        save(recognizer("linear"), tmp_path / "there")
    assert (tmp_path / "there" / "notes").read_text() == "mine"


def test_leftovers_of_a_killed_save_are_replaced(tmp_path):
    (tmp_path / ".model.partly" / "weights").mkdir(parents=True)
    save(recognizer("linear"), tmp_path / "model")
    assert ila_jax.load(tmp_path / "model").config == recognizer("linear").config
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_that_is_no_model_is_told_in_words(name, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ValueError, match=r"is no model: expected the folder of a run .* model.json"
    ):
        ila_jax.load(tmp_path / name)


def test_a_folder_may_have_an_at_in_its_name(tmp_path):
    made = ila_jax.create("tiny", "spatial", 2, head="linear", classes=3)
    save(made, tmp_path / "l14@336")
    assert ila_jax.load(tmp_path / "l14@336").config == made.config

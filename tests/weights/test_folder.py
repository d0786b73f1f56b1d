"""A saved model comes back bit for bit, and what is no model is told in words."""

import gc
import json

import jax
import numpy as np
import pytest

import ila_jax
from ila_jax.recognizer import Recognizer
from ila_jax.weights import checksums
from ila_jax.weights.folder import save
from tests.models import small


def recognizer(head):
    config = small.config("ila", head)
    return Recognizer(config, small.filled(config), ["left", "right"] if head == "text" else None)


@pytest.mark.parametrize("head", ["text", "linear"])
def test_a_saved_model_comes_back_bit_for_bit(head, tmp_path):
    saved = recognizer(head)
    save(saved, tmp_path / "new" / "model")
    loaded = ila_jax.load(tmp_path / "new" / "model")
    assert loaded.config == saved.config
    assert loaded.class_names == saved.class_names
    assert jax.tree.structure(loaded.variables) == jax.tree.structure(saved.variables)
    jax.tree.map(np.testing.assert_array_equal, loaded.variables, saved.variables)
    assert [x.dtype for x in jax.tree.leaves(loaded.variables)] == [
        x.dtype for x in jax.tree.leaves(saved.variables)
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


def test_a_flipped_bit_of_the_weights_is_told(tmp_path):
    save(recognizer("linear"), tmp_path / "model")
    files = [path for path in (tmp_path / "model" / "weights").rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    with pytest.raises(ValueError, match=rf"is not as it was written.*{largest.name}.*copy"):
        ila_jax.load(tmp_path / "model")


def described(folder, **changes):
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(about | changes))


# Where one array cannot be read, Orbax drops the reads of the others without awaiting them. Python
# warns when they are collected, which is at the end of this test and not in another one.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_folder_is_told_in_words(tmp_path):
    save(recognizer("linear"), tmp_path / "whole")
    classes = recognizer("linear").config.classes
    about = (tmp_path / "whole" / "model.json").read_text()
    for text, words in (("", "is damaged"), ("[]", "is not a model's"), ("{}", "is not a model's")):
        (tmp_path / "whole" / "model.json").write_text(text)
        with pytest.raises(ValueError, match=f"model.json {words}"):
            ila_jax.load(tmp_path / "whole")
    for changes, words in (
        ({"class_names": ["one"]}, f"has 1 class names for {classes} classes"),
        ({"class_names": "abcde"}, "class_names is no list of names"),
        ({"views": {"clips": 1}}, "model.json is damaged"),
    ):
        (tmp_path / "whole" / "model.json").write_text(about)
        described(tmp_path / "whole", **changes)
        with pytest.raises(ValueError, match=words):
            ila_jax.load(tmp_path / "whole")
    (tmp_path / "whole" / "model.json").write_text(about)
    (tmp_path / "whole" / "weights" / checksums.LIST).unlink()  # earlier versions wrote none
    files = (path for path in (tmp_path / "whole" / "weights").rglob("*") if path.is_file())
    largest = max(files, key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"the weights in .* are damaged or not those of its"):
        ila_jax.load(tmp_path / "whole")
    gc.collect()


def test_a_folder_may_have_an_at_in_its_name(tmp_path):
    made = ila_jax.create("tiny", "spatial", 2, head="linear", classes=3)
    save(made, tmp_path / "l14@336")
    assert ila_jax.load(tmp_path / "l14@336").config == made.config

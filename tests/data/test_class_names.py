"""Files of class names, and which class a spelling means."""

import json

import pytest

from ila_jax.data.class_names import Classes, read_class_names


def test_class_names(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("moving left\n moving right \nübung\n\n")
    assert read_class_names(path) == ("moving left", "moving right", "übung")
    path.write_text("a\n\nb\na\n")
    with pytest.raises(ValueError, match="blank") as caught:
        read_class_names(path)
    assert "names.txt:4: 'a' is already class 0" in str(caught.value)
    path.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        read_class_names(path)
    with pytest.raises(FileNotFoundError, match="expected class names"):
        read_class_names(tmp_path / "none.txt")


def test_json_names(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"Holding something": "1", "Bending something": "0"}))
    assert read_class_names(path) == ("Bending something", "Holding something")
    path.write_text(json.dumps({"b": 1, "a": 0}))
    assert read_class_names(path) == ("a", "b")
    path.write_text(json.dumps(["b", "a"]))
    assert read_class_names(path) == ("b", "a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("3", "names no classes: expected a list of names"),
        ("[1, 2]", "names no classes"),
        ("[]", "is empty"),
        ('["a", "a"]', "'a' is already class 0"),
        ('{"a": "0", "b": "3", "c": "0"}',
         "'b' has number '3', expected 0 to 2\n  'c' has number 0, as 'a' has"),
    ],
)  # fmt: skip
def test_json_that_names_no_classes(tmp_path, text, said):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"cannot be used|no JSON|no classes|is empty") as caught:
        read_class_names(path)
    assert said in str(caught.value)


def test_which_class_a_spelling_means():
    classes = Classes(["tying knot (not on a tie)", "run", "Run!", "Trick-or-treat"])
    assert classes.label("tying_knot_not_on_a_tie") == 0
    assert classes.label("run") == 1  # spelled just so
    assert classes.label("Run!") == 2
    assert classes.label("RUN") is None  # which of the two?
    assert classes.label("trick or treat") == 3
    assert classes.label("walk") is None

"""The model card says what the model is, and what it was started from."""

import dataclasses

import pytest

from ila_jax.config import from_config, read_config
from ila_jax.finetune import card
from ila_jax.finetune.options import Folder
from ila_jax.tables import render


def test_class_names_are_shown_as_they_are_in_tables():
    names = ["a|b", "*c*", "d_e", "_f_"]
    result = {"per_class": [{"name": name, "decoded": 0, "top1": None} for name in names]}
    rows = render([card._table_of_classes(result)], markdown=True).splitlines()[-4:]
    dashes = " | 0 | – | – |"
    assert rows == [f"| {name}{dashes}" for name in (r"a\|b", r"\*c\*", "d_e", r"\_f\_")]


@pytest.mark.parametrize(
    ("pretrained", "start"), [(None, "noise"), ("weights/b32", "`weights/b32`")]
)
@pytest.mark.parametrize(
    ("several", "what"),
    [(False, "It tells 2 classes apart: a, b."),
     (True, "It says of each of 2 classes whether it is there: a, b.")],
)  # fmt: skip
def test_what_a_model_is(pretrained, start, several, what, tmp_path):
    config = from_config(read_config("quickstart"))
    initial = dataclasses.replace(config.initial, pretrained=pretrained)
    config = dataclasses.replace(config, initial=initial)
    result = {
        "same": {"classes": ["a", "b"]},
        "several_labels": several,
        "checkpoint": {"step": 7},
    }
    words = card._what(Folder(tmp_path), config, result)
    assert f"{config.model.head} head, started from {start}. Step 7 of the run in" in words
    assert words.endswith(what)

"""The model card says what the model is, and what it was started from."""

import dataclasses
from pathlib import Path

import pytest

from ila_jax.config import from_config, read_config
from ila_jax.evaluate.calibrate import StoredTemperature
from ila_jax.finetune import card
from ila_jax.finetune.options import Folder
from ila_jax.scoring.temperature import FittedTemperature
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


def result(cautions, **figures):
    return {
        "videos": {"decoded": 9},
        "cautions": cautions,
        **{name: {"decoded": value} for name, value in figures.items()},
    }


def test_the_summary_has_a_line_for_each_side_and_all_cautions():
    value = {"value": 0.75, "low": 0.5, "high": 0.875}
    results = {
        "validation": result(["few"], top1=value, macro_accuracy={"value": 0.25})
        | {"training_cautions": ["it stopped early"]},
        "test": result([], top1={"value": 1.0}, macro_accuracy={"value": 0.5}),
    }
    assert card.summary(results) == [
        "validation: top-1 75.0% (50.0% to 87.5%) of 9 videos, macro accuracy 25.0%",
        "caution: few",
        "test: top-1 100.0% of 9 videos, macro accuracy 50.0%",
        "caution: it stopped early",
    ]
    # As before runs had cautions of their own.
    del results["validation"]["training_cautions"]
    assert card.summary(results)[-1] == "test: top-1 100.0% of 9 videos, macro accuracy 50.0%"


def test_several_labels_are_measured_by_precision_and_recall():
    value = result([], map={"value": 0.5}, macro_f1={"value": 0.25}) | {"several_labels": True}
    lines = card.summary({"validation": value})
    assert lines == ["validation: mAP 50.0% of 9 videos, macro-F1 25.0%"]
    recall = {"average_precision": 0.5, "recall": 0.25, "low": 0.125, "high": 0.5}
    value["per_class"] = [
        {"name": "seen", "decoded": 4} | recall,
        {"name": "never", "decoded": 0, "recall": None, "average_precision": None},
    ]
    assert card._table_of_classes(value).cells == [
        ["seen", "4", "50.0%", "25.0% (12.5% to 50.0%)"],
        ["never", "0", "–", "–"],
    ]


def test_a_temperature_is_told_with_what_it_does_or_why_there_is_none():
    fitted = StoredTemperature(FittedTemperature(1.25, 40, 0.125, 0.0625), Path("t.json"))
    words = card._of_temperature(fitted)
    assert "a temperature of 1.250, fitted on 40 validation videos" in words
    assert "calibration error 12.5% before, 6.2% after" in words
    assert card._of_temperature("all are right").endswith("was fitted (all are right).")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ema": None, "ema_epochs": 2.5}, "over 2.5 epochs"),
        ({"ema": 0.99, "ema_epochs": None}, "0.99"),
        ({"ema": None, "ema_epochs": None}, "none"),
    ],
)
def test_the_recipe_says_how_the_weights_are_averaged(changes, words):
    config = from_config(read_config("quickstart"))
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, **changes))
    assert ["average of the weights", words] in card._recipe(config).cells

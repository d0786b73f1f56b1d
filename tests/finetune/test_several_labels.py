"""From a list of clips of several labels to a model: decided, trained, evaluated, and asked."""

import json
from pathlib import Path

import pytest

import ila_jax
from ila_jax.config import from_config, read_config
from ila_jax.finetune.__main__ import main as finetune
from ila_jax.predict.__main__ import main as predict
from tests.data.movers import COLOURS


@pytest.mark.slow
def test_a_list_of_several_labels_becomes_a_model_that_names_them(movers, tmp_path, capsys):
    videos = Path(movers["data.train"].removeprefix("split:").removesuffix("@train"))
    folder = tmp_path / "mine"
    given = [str(videos), "--workdir", str(folder), "--temporal", "spatial", "--epochs", "40"]
    given += ["--rate", "1e-3", "--clips", "2", "--crops", "1", "--processes", "1"]
    given += [f"--config.augment.{key}=0.0" for key in ("jitter", "grayscale", "mixup", "cutmix")]
    assert finetune(given) == 0
    said = capsys.readouterr().out
    assert "binary cross entropy" in said
    assert "label smoothing" in said
    assert "a clip shows 1.5 of 3 classes on average" in said
    config = from_config(read_config(str(folder / "config.py")))
    assert config.model.probabilities == "sigmoid"
    assert (config.train.best_metric, config.augment.label_smoothing) == ("map", 0)

    result = json.loads((folder / "evaluation" / "result.json").read_text())
    # By chance it is the share of the videos that have a class, a half.
    assert result["map"]["decoded"]["value"] > 0.8
    assert result["videos"]["decoded"] == 24
    card = (folder / "card.md").read_text()
    assert "says of each of 3 classes whether it is there" in card
    assert "average precision" in card
    assert "no temperature was fitted" in card
    assert "Validation chose the checkpoint, so that" in card

    model = ila_jax.load(folder / "run")
    assert model.class_names == tuple(COLOURS)
    both = videos.parent / "clip065.mp4"  # the bits of 65: the first colour alone
    everything = videos.parent / "clip071.mp4"  # and all three
    sums = [sum(p.probability for p in model.predict(str(path))) for path in (both, everything)]
    assert sums[1] > sums[0]
    written = tmp_path / "found.json"
    status = predict(
        [str(folder / "run"), str(everything), "--threshold", "0.01", "--json", str(written)]
    )
    assert status == 0
    named = json.loads(written.read_text())["videos"][0]["predictions"]
    assert {item["name"] for item in named} <= set(COLOURS)
    assert all(item["probability"] >= 0.01 for item in named)

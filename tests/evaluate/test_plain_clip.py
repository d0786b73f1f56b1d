"""Plain CLIP is trained by nobody, and evaluated on the data of any model's configuration."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ila_jax.config import CLIP_PIXELS
from ila_jax.data.clips.views import evaluation_views
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.evaluate.__main__ import main
from ila_jax.recognizer import Recognizer
from ila_jax.text.templates import KINETICS
from ila_jax.train.__main__ import main as train
from ila_jax.weights.folder import load, save
from tests.evaluate.evaluations import arguments
from tests.models import small
from tests.train import runs


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder as `convert` writes it of a CLIP file: it knows no classes."""
    config = dataclasses.replace(
        runs.config({"model.temporal": "clip"}).model,
        head="text", classes=None, frames=8, pixels=CLIP_PIXELS, templates=KINETICS,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("weights") / "clip"
    save(Recognizer(config, small.filled(config)), folder)
    return folder


def test_any_configuration_of_the_size_evaluates_it_on_the_classes_of_the_data(
    clip, listing, tmp_path
):
    assert main(arguments(clip, tmp_path / "made", listing)) == 0
    model = json.loads((tmp_path / "made" / "result.json").read_text())["same"]["model"]
    assert (model["temporal"], model["frames"]) == ("clip", 4)  # the configuration's frames
    assert model["templates"] == list(KINETICS)
    rows = pq.read_table(tmp_path / "made" / "predictions.parquet").to_pylist()
    there = load(clip)
    config = dataclasses.replace(there.config, frames=4)
    views = evaluation_views(runs.config(listing))
    alone = Recognizer(config, there.variables, CLASSES, views=views)
    assert alone.config.pixels == CLIP_PIXELS
    for row in rows[:3]:
        video = Path(listing["data.root"]) / row["video"]
        found = {one.name: one.probability for one in alone.predict(video, top_k=8)}
        want = [found[name] for name in CLASSES]
        np.testing.assert_allclose(row["probabilities"], want, atol=1e-6, rtol=0)
        assert np.ptp(want) > 1e-3


def test_of_another_size_it_is_refused(clip, listing, tmp_path, capsys):
    other = runs.SMALL["model.shape"] | {"width": 128}
    given = arguments(clip, tmp_path / "made", listing | {"model.shape": other})
    assert main(given) == 1
    assert "shape.width: 64, 128" in capsys.readouterr().err


@pytest.mark.slow
def test_it_can_be_trained_and_keeps_its_templates(pairs, tmp_path):
    changes = {
        "model.temporal": "clip", "model.head": "text", "model.classes": None,
        "model.templates": ("a video of {}.", "{}"),
        "train.steps": 4, "train.evaluate_every": 4, "train.checkpoint_every": 4,
    }  # fmt: skip
    assert train(runs.arguments(tmp_path, pairs | changes)) == 0
    made = load(tmp_path)
    assert made.config.templates == ("a video of {}.", "{}")
    assert made.class_features.shape == (8, 64)
    length = np.linalg.norm(made.class_features, axis=-1)
    np.testing.assert_allclose(length, 1, atol=1e-5)

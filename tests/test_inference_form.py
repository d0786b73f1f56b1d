"""Whatever recognises computes with the inference form, and whatever writes weights refuses it."""

import argparse

import numpy as np
import pytest

from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.evaluate import evaluator
from ila_jax.evaluate.subject import Subject
from ila_jax.extract import extraction
from ila_jax.models.model import FoldedVariables
from ila_jax.predict.answering import open_model
from ila_jax.recognizer import Recognizer
from ila_jax.serve.__main__ import _desk
from ila_jax.weights import stablehlo
from ila_jax.weights.digest import digest
from ila_jax.weights.folder import load, save
from ila_jax.weights.state_dict import official_state
from tests.models import small
from tests.train import runs

NAMES = ["one", "two", "three", "four", "five"]
CONFIG = small.config("ila", "linear")


class Reached(Exception):
    """Raised in place of the work that would follow."""


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer(CONFIG, small.filled(CONFIG), NAMES)


@pytest.fixture(scope="module")
def weights(recognizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "ila"
    save(recognizer, folder)
    return str(folder)


def put(*arguments):
    """Stands for `put_state`: what is put on the devices is what is computed with."""
    variables = arguments[1][0] if type(arguments[1]) is tuple else arguments[1]
    assert isinstance(variables, FoldedVariables)
    raise Reached


def test_predict(weights):
    options = argparse.Namespace(
        checkpoint=weights, classes=None, template=None, clips=None, crops=1
    )
    model = open_model(options)
    assert isinstance(model.variables, FoldedVariables)
    assert model.views.crops == 1


def test_serve(weights):
    options = argparse.Namespace(
        checkpoint=weights, other=None, classes=None, max_mb=1, max_minutes=1, time_limit=1
    )
    (model,) = _desk(options).models
    assert isinstance(model.recognizer.variables, FoldedVariables)


def test_evaluate_which_tells_checkpoints_apart_by_their_own_weights(recognizer, monkeypatch):
    source = ListSource([LabelledFile("a", 0)])
    subject = Subject(runs.config({}), "run", 1, recognizer, source, ["a"], tuple(NAMES))
    assert subject.about()["same"]["weights"] == digest(recognizer.variables)
    monkeypatch.setattr(evaluator, "put_state", put)
    with pytest.raises(Reached):
        evaluator._predictor(subject)


def test_extract(recognizer, monkeypatch):
    monkeypatch.setattr(extraction, "put_state", put)
    with pytest.raises(Reached):
        extraction.write_features(recognizer, None, ["clip"], None, 0, None)


def test_export(recognizer, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")

    def make(model, *, weights):
        assert isinstance(model.variables, FoldedVariables)
        # Folded in float32, whatever the model computes in.
        assert model.config.precision == "float32"
        raise Reached

    monkeypatch.setattr(stablehlo, "make", make)
    with pytest.raises(Reached):
        stablehlo.write(recognizer, tmp_path / "out", weights="beside", name="mine")


def test_what_is_written_is_the_model_itself(recognizer, weights, tmp_path):
    form = recognizer.for_inference()
    for write in (official_state, lambda model: save(model, tmp_path / "form")):
        with pytest.raises(ValueError, match=r"inference form .*save or convert the model"):
            write(form)
    assert not (tmp_path / "form").exists()
    kept = load(weights).variables
    assert not isinstance(kept, FoldedVariables)
    stats = kept.batch_stats["visual"]["blocks"]["0"]["temporal"]["interaction"]["norm1"]
    assert np.any(np.asarray(stats["mean"]))

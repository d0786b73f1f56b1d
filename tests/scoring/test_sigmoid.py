"""Probabilities of classes that do not exclude each other, in validation and in answers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit, softmax

from ila_jax.models.forward import shares_of
from ila_jax.scoring.validation import Predictor
from tests.train import runs

_ROWS = ("index", "label", "mask", "short", "bad", "stop")
LOGITS = np.array([[2.0, -1.0, 3.0], [-4.0, -5.0, -3.0]], np.float32)


def test_each_class_has_its_own_and_by_default_they_are_shared_out():
    config = runs.config({}).model
    each = dataclasses.replace(config, probabilities="sigmoid")
    np.testing.assert_allclose(shares_of(each, jnp.asarray(LOGITS)), expit(LOGITS), atol=1e-6)
    np.testing.assert_allclose(
        shares_of(config, jnp.asarray(LOGITS)), softmax(LOGITS, axis=1), atol=1e-6
    )


def test_validation_takes_them_as_the_model_does(monkeypatch):
    monkeypatch.setattr("ila_jax.scoring.validation.put_batch", lambda mesh, batch: batch)
    config = runs.config({}).model
    mesh = jax.make_mesh((1,), ("data",), devices=jax.devices()[:1])
    batch = {"video": np.zeros((2, 1)), **{name: np.zeros(2) for name in _ROWS}}
    for kind, expected in (("sigmoid", expit(LOGITS)), ("softmax", softmax(LOGITS, axis=1))):
        predictor = Predictor(dataclasses.replace(config, probabilities=kind), mesh)
        predictor._forward = lambda variables, text, rows: {"logits": LOGITS, **rows}
        (rows,) = predictor(None, None, [batch])
        np.testing.assert_allclose(rows["probabilities"], expected, atol=1e-6)

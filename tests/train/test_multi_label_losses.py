"""Losses of several labels a clip: by hand, and beside PyTorch."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from ila_jax.models.model import Output
from ila_jax.train.gradients import loss
from ila_jax.train.losses import cross_entropy
from ila_jax.train.multi_label_losses import asymmetric_loss, binary_cross_entropy
from tests.train import runs

LOGITS = np.random.default_rng(0).normal(0, 3, (6, 5)).astype(np.float32)
TARGETS = np.random.default_rng(1).integers(0, 2, (6, 5)).astype(np.float32)


def torch_asymmetric(x, y, *, negative=4, positive=1, margin=0.05):
    """As the authors' code has it: one factor for both cases, of a shifted probability."""
    p = torch.sigmoid(x)
    absent = (1 - p + margin).clamp(max=1)
    log = y * torch.log(p.clamp(min=1e-8)) + (1 - y) * torch.log(absent.clamp(min=1e-8))
    of_truth = p * y + absent * (1 - y)
    focus = positive * y + negative * (1 - y)
    return -(log * (1 - of_truth) ** focus).sum() / len(x)


def with_gradient(function):
    return jax.value_and_grad(lambda x: function(x, jnp.asarray(TARGETS)))(jnp.asarray(LOGITS))


def test_binary_cross_entropy_is_pytorchs():
    x = torch.tensor(LOGITS, requires_grad=True)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(x, torch.tensor(TARGETS))
    expected.backward()
    value, gradient = with_gradient(binary_cross_entropy)
    assert float(value) == pytest.approx(expected.item(), abs=1e-6)
    np.testing.assert_allclose(gradient, x.grad, atol=1e-6)


def test_the_asymmetric_loss_is_that_of_its_authors():
    x = torch.tensor(LOGITS, requires_grad=True)
    expected = torch_asymmetric(x, torch.tensor(TARGETS))
    expected.backward()
    value, gradient = with_gradient(asymmetric_loss)
    assert float(value) == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, x.grad, atol=1e-5)


def test_one_clip_by_hand():
    """p is 0.5 and 0.8: the first class is there, the second, of which 0.75 counts, is not."""
    logits, targets = jnp.log(jnp.asarray([[1.0, 4.0]])), jnp.asarray([[1.0, 0.0]])
    by_hand = -(0.5 * np.log(0.5) + 0.75**4 * np.log(0.25))
    assert float(asymmetric_loss(logits, targets)) == pytest.approx(by_hand, rel=1e-5)
    by_hand = -(np.log(0.5) + np.log(0.2)) / 2
    assert float(binary_cross_entropy(logits, targets)) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "probabilities", "expected"),
    [
        ("cross_entropy", "softmax", cross_entropy),
        ("binary_cross_entropy", "sigmoid", binary_cross_entropy),
        ("asymmetric", "sigmoid", asymmetric_loss),
    ],
)
def test_a_run_descends_the_loss_of_its_configuration(name, probabilities, expected):
    config = runs.config({"train.loss": name, "model.probabilities": probabilities})
    output = Output(jnp.asarray(LOGITS), jnp.zeros((6, 4)), jnp.asarray([0.25, 0.5]))
    losses = loss(SimpleNamespace(config=config, class_weights=None), output, jnp.asarray(TARGETS))
    assert losses.classification == expected(jnp.asarray(LOGITS), jnp.asarray(TARGETS))
    assert losses.total == losses.classification + config.train.alignment_weight * 0.75


@pytest.mark.parametrize("function", [binary_cross_entropy, asymmetric_loss])
def test_sure_logits_stay_finite_also_in_bfloat16(function):
    logits = jnp.asarray([[1e4, -1e4]], jnp.bfloat16)
    for targets in (jnp.asarray([[1.0, 0.0]]), jnp.asarray([[0.0, 1.0]])):
        value, gradient = jax.value_and_grad(function)(logits, targets)
        assert value.dtype == jnp.float32
        assert jnp.isfinite(value)
        assert jnp.isfinite(gradient).all()
    # An absent class below the margin costs nothing.
    assert float(asymmetric_loss(jnp.asarray([[-3.0]]), jnp.zeros((1, 1)))) == 0

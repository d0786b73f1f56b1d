"""Soft cross entropy against numpy."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.train.gradients import loss
from ila_jax.train.losses import cross_entropy, inverse_frequencies
from ila_jax.train.recipe import make_recipe
from tests.train import runs

LOGITS = np.random.RandomState(0).standard_normal((4, 5))
TARGETS = np.random.RandomState(1).dirichlet(np.ones(5), 4)


def test_it_equals_numpy_and_is_the_mean_over_clips():
    log_softmax = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    expected = np.mean([-(t * row).sum() for t, row in zip(TARGETS, log_softmax, strict=True)])
    found = cross_entropy(jnp.asarray(LOGITS, jnp.float32), jnp.asarray(TARGETS, jnp.float32))
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    found = cross_entropy(jnp.zeros((2, 8)), jnp.eye(8)[:2])
    assert float(found) == pytest.approx(np.log(8), rel=1e-6)


def test_large_logits_do_not_overflow():
    logits = jnp.asarray([[1e4, 0.0], [0.0, 1e4]])
    assert float(cross_entropy(logits, jnp.eye(2))) == 0
    assert float(cross_entropy(logits, jnp.eye(2)[::-1])) == pytest.approx(1e4)


def test_bfloat16_logits_are_summed_in_float32():
    half = jnp.asarray(LOGITS, jnp.bfloat16)
    found = cross_entropy(half, jnp.asarray(TARGETS, jnp.bfloat16))
    assert found.dtype == jnp.float32
    assert float(found) == pytest.approx(
        float(cross_entropy(half.astype(jnp.float32), jnp.asarray(TARGETS, jnp.bfloat16)))
    )


def test_weighted_classes_equal_pytorchs_loss_on_soft_targets():
    torch = pytest.importorskip("torch")
    weights = inverse_frequencies(np.array([0, 0, 0, 1, 1, 2, 4, 4]), 5)
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor(weights))
    expected = loss(torch.tensor(LOGITS).float(), torch.tensor(TARGETS).float())
    found = cross_entropy(jnp.asarray(LOGITS), jnp.asarray(TARGETS), weights)
    assert float(found) == pytest.approx(expected.item(), rel=1e-6)


def test_classes_weigh_what_they_are_rare_and_clips_1_on_average():
    labels = np.array([0] * 6 + [1] * 3 + [3])
    weights = inverse_frequencies(labels, 4)
    # 10 clips of 3 classes: 10 / (3 · 6), 10 / (3 · 3), none, 10 / (3 · 1).
    np.testing.assert_allclose(weights, [10 / 18, 10 / 9, 0, 10 / 3], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)


@pytest.mark.parametrize("balance", ["none", "sampling", "weights"])
def test_a_run_weighs_its_classes_only_where_its_configuration_says_so(balance):
    labels = np.array([0] * 5 + [1, 2, 3, 4])
    recipe = make_recipe(
        runs.config({"train.class_balance": balance}),
        mirror=np.arange(5),
        steps_per_epoch=8,
        labels=labels,
    )
    logits, targets = (jnp.asarray(x, jnp.float32) for x in (LOGITS, TARGETS))
    weights = inverse_frequencies(labels, 5) if balance == "weights" else None
    output = SimpleNamespace(logits=logits, alignment_loss=jnp.zeros(1))
    expected = cross_entropy(logits, targets, weights)
    assert loss(recipe, output, targets).classification == expected
    assert (expected == cross_entropy(logits, targets)) == (balance != "weights")

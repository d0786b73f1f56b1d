"""What trains gets a gradient and an optimizer's state, and what is frozen gets neither."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.config import from_config, read_config
from ila_jax.models import model
from ila_jax.train.gradients import gradients
from ila_jax.train.parameter_groups import partition
from ila_jax.train.recipe import make_recipe
from ila_jax.train.state import fresh_state
from tests.models import small


def filled_run(groups, head, form):
    config = from_config(read_config("quickstart"))
    return dataclasses.replace(
        config,
        model=small.config("ila", head, form),
        optimizer=dataclasses.replace(config.optimizer, groups=groups),
    )


@functools.cache
def trained(groups, head, form):
    """Recipe and gradients by path, with weights of which none is zero."""
    run = filled_run(groups, head, form)
    recipe = make_recipe(run, mirror=np.arange(small.CLASSES), steps_per_epoch=100)
    targets = jnp.asarray(0.1 + 0.5 * np.eye(small.CLASSES)[:2], jnp.float32)
    text = jnp.asarray(np.random.RandomState(1).standard_normal((small.CLASSES, 64)), jnp.float32)
    compute = jax.jit(functools.partial(gradients, recipe), compiler_options=small.QUICK)
    found = compute(
        small.filled(run.model),
        small.video(),
        targets,
        text if head == "text" else None,
        small.training(),
    )
    grads = jax.tree.map(np.asarray, small.flat(found.grads))
    return recipe, grads, found.losses, found.batch_stats


def before_batch_norm(path):
    """A bias in front of a batch norm, whose true gradient is zero."""
    inside = "/temporal/interaction/" in path or "/temporal/prediction/conv" in path
    return inside and path.endswith("bias") and "norm" not in path


CASES = [("k400", "text", "k400"), ("ssv2", "linear", "ssv2"), ("scratch", "linear", "k400")]


@pytest.mark.parametrize(("groups", "head", "form"), CASES)
def test_every_trainable_parameter_gets_a_gradient_and_no_frozen_one(groups, head, form):
    recipe, grads, _, _ = trained(groups, head, form)
    assert set(grads) == {path for path, rate in recipe.lr_factors.items() if rate}
    frozen = {path for path, rate in recipe.lr_factors.items() if not rate}
    if head == "text":
        assert {"text/tokens", "head/logit_scale"} <= frozen
    assert any(path.startswith("visual/") for path in frozen) == (groups == "ssv2")
    norms = {path: np.linalg.norm(gradient) for path, gradient in grads.items()}
    assert all(np.isfinite(norm) for norm in norms.values())
    without = {path for path, norm in norms.items() if norm < 1e-5}
    assert without == {path for path in grads if before_batch_norm(path)}


@pytest.mark.parametrize(("groups", "head", "form"), CASES)
def test_frozen_parameters_have_no_optimizer_state(groups, head, form):
    recipe, grads, _, _ = trained(groups, head, form)
    variables = model.abstract(recipe.config.model)
    state = jax.eval_shape(
        lambda v: fresh_state(v, recipe.optimizer, recipe.lr_factors, ema=False), variables
    )
    trainable, _ = partition(variables.params, recipe.lr_factors)
    moments = [x.shape for x in jax.tree.leaves(state["opt_state"]) if x.shape]
    assert sorted(moments) == sorted(
        2 * [g.shape for g in grads.values() if g.shape]
    )  # Adam keeps two of each
    assert set(small.flat(trainable)) == set(grads)


@pytest.mark.parametrize(("groups", "head", "form"), CASES)
def test_the_total_loss_and_the_running_statistics_come_with_the_gradients(groups, head, form):
    recipe, _, losses, stats = trained(groups, head, form)
    total = losses.classification + losses.alignment.sum()
    assert float(losses.total) == pytest.approx(float(total), rel=1e-6)
    assert losses.alignment.shape == (2,)
    old_stats = small.flat(small.filled(recipe.config.model).batch_stats)
    new_stats = small.flat(stats)
    assert new_stats.keys() == old_stats.keys()
    assert all(np.any(new_stats[path] != old_stats[path]) for path in old_stats)


def test_the_biases_without_gradient_are_those_before_a_batch_norm():
    _, grads, _, _ = trained("k400", "text", "k400")
    biases = sorted(path.split("temporal/")[1] for path in grads if before_batch_norm(path))
    assert biases == sorted(
        2
        * [
            "interaction/depthwise/bias",
            "interaction/pointwise/bias",
            "interaction/conv/bias",
            "prediction/conv1/bias",
            "prediction/conv2/bias",
        ]
    )

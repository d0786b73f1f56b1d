"""The same step on one device and on eight."""

import functools

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ila_jax.data.mirror import mirror_table
from ila_jax.data.motion import CLASSES
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.temporal.matching import matched
from ila_jax.shapes import Training
from ila_jax.train import step as steps
from ila_jax.train.sharding import (
    check_batch,
    make_mesh,
    over_data,
    put_batch,
    put_state,
    replicated,
)
from ila_jax.train.state import fresh_state
from tests.train import runs

_STEPS = 20


def recipe_of(precision):
    config = runs.config({"model.precision": precision, "augment.mixup": 0.8})
    return steps.make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)


def batches(count):
    """Random pixels: what they show does not matter here."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        video = rng.integers(0, 256, (8, 4, 16, 16, 3), np.uint8)
        yield {"video": video, "label": rng.integers(0, 8, 8, np.int32)}


def losses(recipe, devices, count):
    mesh = make_mesh(jax.devices()[:devices])
    state = fresh_state(model.initialize(recipe.config.model, 0), recipe.optimizer, recipe.rates)
    state, whole = put_state(mesh, state), replicated(mesh)
    step = jax.jit(
        functools.partial(steps.step, recipe), donate_argnums=0, out_shardings=(whole, whole)
    )
    found = []
    for batch in batches(count):
        state, metrics = step(state, put_batch(mesh, batch), None)
        found.append(float(metrics["loss"]))
    return found


def test_losses_of_20_steps_in_float64_agree_to_1e_9():
    with jax.enable_x64(True):
        recipe = recipe_of("float64")
        one, eight = (losses(recipe, devices, _STEPS) for devices in (1, 8))
    np.testing.assert_allclose(one, eight, atol=1e-9, rtol=0)
    assert len(set(one)) == _STEPS


def test_loss_and_gradients_of_the_first_step_in_float32():
    recipe = recipe_of("float32")
    (loss_1, grads_1), (loss_8, grads_8) = (first_gradients(recipe, n) for n in (1, 8))
    assert loss_1 == pytest.approx(loss_8, abs=1e-5)
    assert grads_1.keys() == grads_8.keys()
    for path, norm in grads_1.items():
        assert norm == pytest.approx(grads_8[path], rel=3e-4, abs=1e-6), path


def first_gradients(recipe, devices):
    """The first step's loss and the norm of each gradient."""
    mesh = make_mesh(jax.devices()[:devices])
    variables = put_state(mesh, model.initialize(recipe.config.model, 0))

    @jax.jit
    def compute(variables, batch):
        at = jax.numpy.int32(0)
        targets, video = steps.inputs(recipe, batch, at)
        training = Training(jax.numpy.float32(0.2), jax.random.key(0))
        return steps.gradients(recipe, Variables(*variables), video, targets, None, training)

    grads, found, _ = compute(variables, put_batch(mesh, next(batches(1))))
    norms = {path: np.linalg.norm(g) for path, g in flatten_dict(grads, sep="/").items()}
    return float(found.total), norms


def test_a_batch_that_the_devices_cannot_share_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        check_batch(make_mesh(), "train.batch", 12)


def test_atas_matching_is_solved_on_the_device_that_has_the_clips():
    similarity = np.random.default_rng(0).standard_normal((16, 3, 16, 16), np.float32)
    mesh = make_mesh()
    rows = put_batch(mesh, {"similarity": similarity})["similarity"]
    with jax.set_mesh(mesh):
        compiled = jax.jit(matched).lower(rows).compile()
        found = compiled(rows)
    assert found.sharding.is_equivalent_to(over_data(mesh), found.ndim)
    assert "all-gather" not in compiled.as_text()
    np.testing.assert_array_equal(found, matched(similarity))

"""The same step on one device and on eight."""

import functools
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ila_jax.config import from_config, read_config
from ila_jax.data.sources.mirror import mirror_table
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.job.sharding import check_batch, make_mesh, over_data, put_batch, put_state, shardings
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.temporal.matching import matched
from ila_jax.train import gradients
from ila_jax.train import step as steps
from ila_jax.train.recipe import make_recipe
from ila_jax.train.state import fresh_state
from tests.train import runs

_STEPS = 20


def recipe_of(precision, overrides=None):
    config = runs.config({"model.precision": precision, "augment.mixup": 0.8} | (overrides or {}))
    return make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)


def batches(count, clips=8):
    """Random pixels: what they show does not matter here."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        video = rng.integers(0, 256, (clips, 4, 16, 16, 3), np.uint8)
        yield {"video": video, "label": rng.integers(0, 8, clips, np.int32)}


def losses(recipe, devices, count, fsdp=1):
    mesh = make_mesh(jax.devices()[:devices], fsdp=fsdp)
    state = fresh(recipe)
    state = jax.device_put(state, shardings(mesh, state))
    step = steps.compiled_step(recipe, mesh, state)
    found = []
    for batch in batches(count):
        state, (metrics, _) = step(state, put_batch(mesh, batch), None)
        found.append(float(metrics["loss"]))
    return found


def fresh(recipe):
    variables = model.initialize(recipe.config.model, 0)
    return fresh_state(variables, recipe.optimizer, recipe.lr_factors, ema=True)


@pytest.mark.slow
def test_losses_of_20_steps_in_float64_agree_to_1e_9():
    """Batches split over eight devices, weights over four of them."""
    with jax.enable_x64(True):
        recipe = recipe_of("float64")
        one, split = losses(recipe, 1, _STEPS), losses(recipe, 8, _STEPS, fsdp=4)
    np.testing.assert_allclose(one, split, atol=1e-9, rtol=0)
    assert len(set(one)) == _STEPS


@pytest.mark.slow
def test_losses_with_weights_whole_on_every_device_or_split_over_all():
    with jax.enable_x64(True):
        recipe = recipe_of("float64")
        one, *others = (losses(recipe, n, _STEPS, fsdp=f) for n, f in ((1, 1), (8, 1), (8, 8)))
    for other in others:
        np.testing.assert_allclose(one, other, atol=1e-9, rtol=0)


def test_split_weights_take_the_nth_part_of_a_device():
    """By XLA's own account: parameters, optimizer state and average of a B/16, never made."""
    shape = from_config(read_config(f"{runs.ROOT}/configs/k400/b16_8f.py"))
    recipe = make_recipe(shape, mirror=np.arange(400), steps_per_epoch=8)
    state = jax.eval_shape(
        lambda variables: fresh_state(variables, recipe.optimizer, recipe.lr_factors, ema=True),
        model.abstract(shape.model),
    )
    held = {}
    for n in (1, 2, 4, 8):
        mesh = make_mesh(jax.devices()[:n], fsdp=n)
        where = shardings(mesh, state)
        copy = jax.jit(lambda x: x, in_shardings=(where,), out_shardings=where)
        held[n] = copy.lower(state).compile().memory_analysis().argument_size_in_bytes
    for n in (2, 4, 8):
        assert held[n] * n == pytest.approx(held[1], rel=2e-3)  # statistics and α stay whole


def test_an_array_without_a_rule_is_an_error():
    with pytest.raises(ValueError, match="no rule says where teacher/kernel lies"):
        shardings(make_mesh(), {"teacher": {"kernel": np.zeros((8, 8))}})
    with pytest.raises(ValueError, match="does not divide 8 devices"):
        make_mesh(fsdp=3)


def test_loss_and_gradients_of_the_first_step_in_float32():
    recipe = recipe_of("float32")
    (loss_1, grads_1), (loss_8, grads_8) = (first_gradients(recipe, n) for n in (1, 8))
    assert loss_1 == pytest.approx(loss_8, abs=1e-5)
    assert grads_1.keys() == grads_8.keys()
    for path, norm in grads_1.items():
        assert norm == pytest.approx(grads_8[path], rel=3e-4, abs=1e-6), path


def first_gradients(recipe, devices, clips=8):
    """The first step's loss and the norm of each gradient."""
    mesh = make_mesh(jax.devices()[:devices])
    variables = put_state(mesh, model.initialize(recipe.config.model, 0))

    @jax.jit
    def compute(variables, batch):
        at, noise = jax.numpy.int32(0), jax.numpy.float32(0.2)
        return gradients.batch_gradients(recipe, Variables(*variables), batch, None, at, noise)

    result = compute(variables, put_batch(mesh, next(batches(1, clips))))
    norms = {path: np.linalg.norm(g) for path, g in flatten_dict(result.grads, sep="/").items()}
    return float(result.losses.total), norms


@pytest.mark.parametrize("temporal", ["divided"])
def test_parts_of_a_batch_add_up_to_its_gradients(temporal):
    """Without batch statistics, which see a part at a time: of a model that has none."""
    changed = {"model.temporal": temporal, "train.batch": 16, "augment.cutmix": 1.0}
    whole, *parts = (
        first_gradients(recipe_of("float32", changed | {"train.accumulation": n}), 4, clips=16)
        for n in (1, 2)
    )
    for loss, norms in parts:
        assert loss == pytest.approx(whole[0], abs=1e-5)
        for path, norm in norms.items():
            assert norm == pytest.approx(whole[1][path], abs=1e-5), path


def test_parts_keep_pairs_together_and_rows_on_their_device():
    rows = np.arange(16)
    parts = np.asarray(gradients._in_parts(rows, 4))
    assert sorted(parts.ravel().tolist()) == rows.tolist()
    assert (parts[:, 0::2] + 1 == parts[:, 1::2]).all()
    assert (parts[:, 0::2] % 2 == 0).all()
    mesh = make_mesh(jax.devices()[:2])
    split = jax.jit(functools.partial(gradients._in_parts, parts=4))
    on_mesh = put_batch(mesh, {"rows": rows})["rows"]
    assert "all-" not in split.lower(on_mesh).compile().as_text()


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


# 48 problems of 64 patches: XLA hands arrays of this size to another of its threads to be copied.
_ON_ONE_THREAD = """
import jax
import numpy as np
from ila_jax.models.temporal.matching import matched

similarity = np.random.default_rng(0).standard_normal((16, 3, 64, 64), np.float32)
solve = jax.jit(matched)
for _ in range(10):
    sigma = solve(similarity)
print(np.asarray(sigma).shape)
"""


def test_atas_matching_does_not_wait_for_a_thread_that_there_is_not():
    """As on one core, where XLA has one thread, and the call back from the program keeps it."""
    environment = {**os.environ, "PJRT_NPROC": "1", "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", _ON_ONE_THREAD],
        cwd=runs.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "(16, 3, 64)\n", done.stderr

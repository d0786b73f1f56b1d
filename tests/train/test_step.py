"""A step whose loss is not finite changes nothing; a run of them stops in words."""

import functools
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.data.sources.mirror import mirror_table
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.models import model
from ila_jax.train import step as steps
from ila_jax.train.__main__ import main
from ila_jax.train.gradients import loss, train_top1
from ila_jax.train.norms import norms
from ila_jax.train.recipe import make_recipe
from ila_jax.train.state import averaged, fresh_state
from tests.models import small
from tests.train import runs


@functools.cache
def compiled():
    """A recipe, its fresh state and its step, with mixup and label smoothing."""
    config = runs.config({"augment.mixup": 0.8, "augment.cutmix": 1.0})
    recipe = make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)
    variables = model.initialize(config.model, 0)
    state = fresh_state(variables, recipe.optimizer, recipe.lr_factors, ema=True)
    return state, jax.jit(functools.partial(steps.step, recipe), compiler_options=small.QUICK)


def batch():
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (8, 4, 16, 16, 3), np.uint8)
    return {"video": jnp.asarray(video), "label": jnp.arange(8, dtype=jnp.int32)}


def test_a_step_is_a_function_of_state_and_batch():
    state, step = compiled()
    (one, metrics), (two, again) = (step(state, batch(), None) for _ in range(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, one, two))
    assert jax.tree.all(jax.tree.map(np.array_equal, metrics, again))
    assert int(one["step"]) == 1
    _, later = step({**state, "step": jnp.int32(1)}, batch(), None)
    assert later["loss"] != metrics["loss"]  # other augmentation, from the step alone


def test_a_step_that_is_not_finite_is_counted_and_not_applied():
    state, step = compiled()
    state, _ = step(state, batch(), None)
    kernel = state["params"]["head"]["fc"]["kernel"]
    state["params"]["head"]["fc"]["kernel"] = kernel.at[0, 0].set(jnp.nan)
    after, metrics = step(state, batch(), None)
    for name in ("params", "batch_stats", "opt_state", "ema"):
        same = functools.partial(np.array_equal, equal_nan=True)
        assert jax.tree.all(jax.tree.map(same, after[name], state[name])), name
    assert int(after["step"]) == 2
    assert (int(after["skipped"]), int(after["skipped_in_row"])) == (1, 1)
    assert int(metrics["skipped"]) == 1
    after["params"]["head"]["fc"]["kernel"] = kernel
    better, _ = step(after, batch(), None)
    assert (int(better["skipped"]), int(better["skipped_in_row"])) == (1, 0)
    assert not np.array_equal(better["params"]["head"]["fc"]["kernel"], kernel)


def test_what_counts_as_right_in_training():
    logits = jnp.float32([[3, 1, 2], [0, 5, 1], [1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]])
    # Named rightly; the smaller part of a mixed clip; the larger; one label of two; none; none,
    # smoothed.
    targets = [[0.9, 0.05, 0.05], [0.6, 0.4, 0], [0.3, 0, 0.7], [1, 0, 1], [0, 0, 0], 3 * [0.05]]
    assert float(train_top1(logits, jnp.float32(targets))) == pytest.approx(3 / 6)


@pytest.mark.parametrize("weights", [None, np.float32([2, 0.5])])
def test_the_loss_is_of_the_weighed_classes_and_of_the_alignment_of_all_blocks(weights):
    train = SimpleNamespace(loss="cross_entropy", alignment_weight=0.5)
    recipe = SimpleNamespace(class_weights=weights, config=SimpleNamespace(train=train))
    output = model.Output(jnp.log(jnp.float32([[3, 1], [2, 2]])), None, jnp.float32([0.25, 0.75]))
    one, two = (1, 1) if weights is None else weights
    by_hand = -(one * np.log(3 / 4) + two * np.log(1 / 2)) / 2
    losses = loss(recipe, output, jnp.float32([[1, 0], [0, 1]]))
    assert float(losses.classification) == pytest.approx(by_hand)
    assert float(losses.total) == pytest.approx(by_hand + 0.5 * (0.25 + 0.75))


def test_top1_of_a_step_is_that_of_the_clips_of_all_its_parts():
    """With a head of zeros but for one bias, every clip is said to be of that class."""
    # Without flips, which change labels.
    config = runs.config(
        {
            "augment.flip": 0, "augment.jitter": 0, "augment.grayscale": 0,
            "model.temporal": "spatial", "train.accumulation": 2,
        }
    )  # fmt: skip
    recipe = make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)
    variables = model.initialize(config.model, 0)
    state = fresh_state(variables, recipe.optimizer, recipe.lr_factors, ema=False)
    fc = state["params"]["head"]["fc"]
    fc["kernel"] = jnp.zeros_like(fc["kernel"])
    fc["bias"] = jnp.zeros_like(fc["bias"]).at[5].set(1)
    labels = jnp.int32([5, 5, 5, 1, 2, 5, 0, 7])
    step = jax.jit(functools.partial(steps.step, recipe), compiler_options=small.QUICK)
    assert float(step(state, batch() | {"label": labels}, None)[1]["top1"]) == 4 / 8


def test_a_run_that_diverges_stops_and_names_the_steps(tmp_path, pairs, capsys):
    overrides = pairs | {
        "optimizer.rate": 1e38,
        "optimizer.warmup_epochs": 0,
        "optimizer.clip_norm": 0,
        "train.max_skipped": 2,
    }
    assert main(runs.arguments(tmp_path / "run", overrides)) == 1
    err = capsys.readouterr().err
    first, last = map(int, re.findall(r"not finite in steps (\d+) to (\d+), more than", err)[0])
    assert last - first + 1 == 3
    # As the log counts them: its last line is of the last of these steps, and has counted them all.
    logged = {e["step"]: e["train/skipped_in_row"] for e in runs.entries(tmp_path / "run")}
    assert (logged[first], logged[last]) == (1, 3)
    assert "Traceback" not in err


@pytest.mark.parametrize("precision", ["bfloat16"])
def test_parameters_and_statistics_stay_in_float32(precision):
    config = runs.config({"model.precision": precision})
    recipe = make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)
    shapes = jax.eval_shape(
        lambda variables, rows: steps.step(
            recipe,
            fresh_state(variables, recipe.optimizer, recipe.lr_factors, ema=False),
            rows,
            None,
        ),
        model.abstract(config.model),
        batch(),
    )
    kinds = {leaf.dtype.name for leaf in jax.tree.leaves(shapes)}
    assert kinds == {"float32", "int32"}


def test_the_average_forgets_the_first_weights_soon_and_keeps_its_share_later():
    ema, params = {"w": jnp.float32(1.0)}, {"w": jnp.float32(0.0)}
    assert averaged(0.999, ema, params, jnp.int32(0))["w"] == pytest.approx(0.1)
    assert averaged(0.999, ema, params, jnp.int32(10**6))["w"] == pytest.approx(0.999)
    assert averaged(0.999, {}, params, jnp.int32(0)) == {}


def test_norms_are_of_each_part():
    tree = {
        "visual": {
            "blocks": {"0": {"temporal": {"alpha": jnp.float32([3.0])}}},
            "temporal_embedding": jnp.float32([4.0]),
            "norm_pre": {"scale": jnp.float32([2.0])},
        },
        "head": {"fc": {"kernel": jnp.float32([[6.0, 8.0]])}},
    }
    assert {k: float(v) for k, v in norms(tree).items()} == {"temporal": 5, "tower": 2, "head": 10}

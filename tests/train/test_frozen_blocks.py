"""Which parts train: frozen blocks, the last ones alone, and a learning rate for each layer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.data.sources.mirror import mirror_table
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.models import model
from ila_jax.models.paths import by_path
from ila_jax.shapes import Training
from ila_jax.train import step as steps
from ila_jax.train.parameter_groups import FROZEN, decay_by_layer, freeze_blocks, layer_of
from ila_jax.train.recipe import make_recipe
from ila_jax.train.state import fresh_state
from tests.models import small
from tests.train import runs

# Two blocks, at the base rate, and what is new at ten times it.
TWO_BLOCKS = {
    "model.shape": runs.SMALL["model.shape"] | {"depth": 2},
    "optimizer.groups": "k400",
}
LAYERS = {
    "visual/embed/patches/kernel": 0,
    "visual/embed/positions": 0,
    "visual/norm_pre/scale": 0,
    "visual/temporal_embedding": 0,
    "visual/blocks/0/spatial/mlp/fc1/kernel": 1,
    "visual/blocks/0/temporal/fc/kernel": 1,
    "visual/blocks/10/spatial/norm1/scale": 11,
    "visual/norm_post/scale": 13,
    "visual/projection/kernel": 13,
    "mit/positions": 13,
    "head/fc/kernel": 13,
    "text/tokens": 13,
}


def recipe(changes):
    config = runs.config(TWO_BLOCKS | changes)
    return make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)


def batch():
    video = np.random.default_rng(0).integers(0, 256, (8, 4, 16, 16, 3), np.uint8)
    return {"video": jnp.asarray(video), "label": jnp.arange(8, dtype=jnp.int32)}


def stepped(made):
    """The state before and after the tenth step, whose learning rate is not 0, and its metrics."""
    variables = model.initialize(made.config.model, 0)
    state = fresh_state(variables, made.optimizer, made.lr_factors, ema=False)
    before = {**state, "step": jnp.int32(10)}
    step = jax.jit(functools.partial(steps.step, made), compiler_options=small.QUICK)
    after, metrics = step(before, batch(), None)
    return before, after, metrics


@pytest.mark.parametrize("path", LAYERS)
def test_layers_are_counted_from_the_pixels(path):
    assert layer_of(path, 12) == LAYERS[path]


def test_a_rate_decays_towards_the_pixels():
    factors = decay_by_layer(dict.fromkeys(LAYERS, 10.0), depth=12, decay=0.5)
    assert factors["head/fc/kernel"] == factors["visual/projection/kernel"] == 10.0
    assert factors["visual/blocks/10/spatial/norm1/scale"] == 10 * 0.5**2
    assert factors["visual/embed/positions"] == 10 * 0.5**13
    assert decay_by_layer(factors, depth=12, decay=1.0) == factors


@pytest.mark.parametrize(("trained", "first"), [(None, 0), (12, 1), (2, 11), (1, 12), (0, 14)])
def test_blocks_train_from_the_last_on(trained, first):
    factors = freeze_blocks(dict.fromkeys(LAYERS, 1.0), depth=12, trained_blocks=trained)
    for path, layer in LAYERS.items():
        frozen = path.startswith("visual/") and layer < first
        assert factors[path] == (FROZEN if frozen else 1.0), path


@pytest.mark.parametrize(
    ("trained", "remat"),
    [
        (1, "block"),
        pytest.param(1, "none", marks=pytest.mark.slow),
        pytest.param(0, "none", marks=pytest.mark.slow),
    ],
)
def test_what_is_frozen_stays_as_it_was_and_its_norms_take_running_statistics(trained, remat):
    before, after, metrics = stepped(
        recipe({"optimizer.trained_blocks": trained, "model.remat": remat})
    )
    first = 2 - trained
    changed = {
        kind: {
            path: not np.array_equal(value, by_path(after[kind])[path])
            for path, value in by_path(before[kind]).items()
        }
        for kind in ("params", "batch_stats")
    }
    for block in range(2):
        here = f"visual/blocks/{block}/"
        stats = [moved for path, moved in changed["batch_stats"].items() if path.startswith(here)]
        assert stats
        assert all(moved == (block >= first) for moved in stats)
        assert changed["params"][f"{here}spatial/norm1/scale"] == (block >= first)
        assert (float(metrics["alignment_loss_of_block"][block]) != 0) == (block >= first)
    assert not changed["params"]["visual/embed/positions"]
    assert changed["params"]["visual/projection/kernel"] == (trained != 0)
    assert changed["params"]["mit/positions"]
    assert changed["params"]["head/fc/kernel"]


def test_a_frozen_tower_computes_in_training_as_in_inference():
    made = recipe({"optimizer.trained_blocks": 0})
    config, variables = made.config.model, model.initialize(made.config.model, 0)
    video = jax.random.normal(jax.random.key(1), (2, 4, 16, 16, 3))
    training = Training(jnp.float32(0.2), jax.random.key(0), frozen_blocks=2)
    tower = model.bind(config, variables).visual
    as_trained, as_used = tower(video, training), tower(video)
    np.testing.assert_array_equal(as_trained.class_tokens, as_used.class_tokens)
    np.testing.assert_array_equal(as_trained.patch_tokens, as_used.patch_tokens)
    np.testing.assert_array_equal(as_trained.alignment_loss, np.zeros(2))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer.trained_blocks": 3}, "trained_blocks: expected at most 2, .*found 3"),
        ({"optimizer.trained_blocks": -1}, "trained_blocks: expected 0 or more"),
        ({"optimizer.layer_decay": 0}, "layer_decay: expected a number in"),
        ({"train.patience": 0}, "train.patience: expected a positive number"),
        ({"train.best_metric": "ece"}, "train.best_metric: expected"),
    ],
)
def test_what_makes_no_run_is_said(values, message):
    with pytest.raises(ValueError, match=message):
        runs.config(TWO_BLOCKS | values)

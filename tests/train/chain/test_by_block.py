"""A step that is compiled block by block gives what the step as one program gives."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.data.sources.mirror import mirror_table
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.job.sharding import make_mesh, put_batch
from ila_jax.models import model
from ila_jax.models.vit import TowerTokens
from ila_jax.train import compiled, step
from ila_jax.train.chain import by_block
from ila_jax.train.chain.by_block import StepByBlock
from ila_jax.train.recipe import make_recipe
from ila_jax.train.start import fresh_on
from ila_jax.train.step import compiled_step
from tests.models import small
from tests.train import runs

_CLIPS = 16


def recipe_of(changes):
    # Several blocks, so that some of them are served by the programs of another.
    shape = runs.SMALL["model.shape"] | {"depth": 2}
    config = runs.config(
        {"model.shape": shape, "train.batch": _CLIPS, "augment.mixup": 0.8} | changes
    )
    return make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "video": rng.integers(0, 256, (_CLIPS, 4, 16, 16, 3), np.uint8),
        "label": np.arange(_CLIPS, dtype=np.int32) % 8,
        "bad": np.arange(_CLIPS) == 3,
    }


def both(recipe, devices=1):
    """Two steps in a row of either form, from the same weights: states and outputs."""
    mesh = make_mesh(jax.devices()[:devices], fsdp=recipe.config.mesh.fsdp)
    variables = model.initialize(recipe.config.model, 0)
    results = []
    with jax.set_mesh(mesh):
        rows = put_batch(mesh, batch())
        for form in (whole, StepByBlock):
            state = fresh_on(recipe, mesh, variables)
            compiled_form = form(recipe, mesh, state, rows, None)
            outputs = []
            for _ in range(2):
                state, output = compiled_form(state, rows, None)
                outputs.append(jax.device_get(output))
            results.append((jax.device_get(state), outputs))
    return results, compiled_form


def whole(recipe, mesh, state, rows, text):
    return compiled_step(recipe, mesh, state).lower(state, rows, text).compile()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Compiling takes longer than running."""
    for module in (by_block, step):
        monkeypatch.setattr(module, "compiler_options", lambda platform: small.QUICK)


def agree(one, two, atol=2e-6):
    for (path, a), (other, b) in zip(
        *(jax.tree_util.tree_flatten_with_path(tree)[0] for tree in (one, two)), strict=True
    ):
        assert path == other
        np.testing.assert_allclose(a, b, atol=atol, rtol=1e-5, err_msg=str(path))
        assert a.dtype == b.dtype, path


FAST = {
    "frozen block, average, decay by layer, clipped": {
        "optimizer.trained_blocks": 2, "train.ema": 0.9, "optimizer.layer_decay": 0.8,
        "optimizer.clip_norm": 0.1, "model.temporal": "divided",
        "model.shape": runs.SMALL["model.shape"] | {"depth": 3},
    },
}  # fmt: skip
SLOW = {
    "nothing before the blocks trains": {"optimizer.groups": "ssv2"},
    "in parts": {"model.temporal": "divided", "train.accumulation": 2},
    "in parts, with running statistics": {"train.accumulation": 2},
    "frozen tower": {"optimizer.trained_blocks": 0},
    "nothing of the tower trains": {"optimizer.groups": "ssv2", "model.temporal": "spatial"},
    "blocks keep their tokens alone": {"model.remat": "block"},
    "dots": {"model.remat": "dots"},
    "joint": {"model.temporal": "joint"},
    "ata": {"model.temporal": "ata"},
    "xclip": {"model.temporal": "xclip"},
}


@pytest.mark.parametrize("changes", FAST.values(), ids=FAST)
def test_it_is_the_step_as_one_program(changes):
    agree(*both(recipe_of(changes))[0])


@pytest.mark.slow
@pytest.mark.parametrize("changes", SLOW.values(), ids=SLOW)
def test_it_is_the_step_as_one_program_in_other_recipes(changes):
    agree(*both(recipe_of(changes))[0])


def test_it_is_the_step_as_one_program_and_compiles_blocks_that_are_alike_once():
    (one, two), chain = both(recipe_of({}))
    agree(one, two)
    names = re.findall(r"^HloModule jit_(\w+_forward)", chain.as_text(), re.MULTILINE)
    assert names == ["before_forward", "block0_forward"]


@pytest.mark.slow
def test_it_is_the_step_as_one_program_on_eight_devices_that_share_the_weights():
    agree(*both(recipe_of({"mesh.fsdp": 4}), devices=8)[0])


def test_a_run_compiles_its_step_in_its_first_call_and_skips_one_that_is_not_finite(monkeypatch):
    given_back = []
    monkeypatch.setattr(compiled, "give_back_freed_memory", lambda: given_back.append(True))
    monkeypatch.setattr(compiled, "MANY_BLOCKS", 2)
    recipe = recipe_of({"model.temporal": "spatial"})
    mesh = make_mesh(jax.devices()[:1])
    with jax.set_mesh(mesh):
        rows = put_batch(mesh, batch())
        state = fresh_on(recipe, mesh, model.initialize(recipe.config.model, 0))
        run = compiled.compiled_apart(recipe, mesh)
        assert not given_back
        state, _ = run(state, rows, None)
        kernel = state["params"]["head"]["fc"]["kernel"]
        state["params"]["head"]["fc"]["kernel"] = kernel.at[0, 0].set(jnp.nan)
        before = jax.device_get(state)
        state, output = run(state, rows, None)
        assert given_back == [True]
        after = jax.device_get(state)
    for name in ("params", "batch_stats", "opt_state", "ema"):
        same = functools.partial(np.array_equal, equal_nan=True)
        assert jax.tree.all(jax.tree.map(same, after[name], before[name])), name
    assert [int(after[name]) for name in ("step", "skipped", "skipped_in_row")] == [2, 1, 1]
    assert int(output.metrics["skipped_in_row"]) == 1


def test_only_many_blocks_that_train_are_compiled_as_a_chain_and_only_on_a_cpu():
    deep = {"model.shape": runs.SMALL["model.shape"] | {"depth": 12}}
    clips, kept = {"video": batch()["video"]}, {"video": TowerTokens(None, None)}
    assert compiled.by_block(recipe_of(deep), "cpu", clips)
    assert not compiled.by_block(recipe_of(deep), "gpu", clips)
    assert not compiled.by_block(recipe_of(deep), "cpu", kept)
    assert not compiled.by_block(recipe_of(deep | {"optimizer.trained_blocks": 2}), "cpu", clips)
    assert not compiled.by_block(recipe_of({}), "cpu", clips)

"""The temporal blocks equal plain loops in float64, and keep their invariants."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from ila_jax.models import model
from ila_jax.models.temporal.matching import (
    composed,
    gathered,
    matched,
    matched_on_device,
    put_back,
    similarities,
)
from ila_jax.models.variants import TEMPORAL
from tests.models import reference, small

ATOL = 1e-5
quick = functools.partial(jax.jit, compiler_options=small.QUICK)


@functools.cache
def applied(temporal):
    """(variables, tokens [b, t, n, d]) -> what the first block makes of them."""
    config = small.config(temporal)

    def run(variables, x):
        return model.bind(config, variables).visual.blocks[0](x, None)

    return quick(run)


@functools.cache
def towered(temporal):
    config = small.config(temporal)
    return quick(lambda variables, video: model.bind(config, variables).visual(video))


def tokens(frames=small.FRAMES, seed=1):
    return np.random.RandomState(seed).standard_normal((2, frames, 17, 64))


def weights(temporal):
    """The first block's parameters and statistics, in float64."""
    filled = small.filled(small.config(temporal))
    params, stats = (
        jax.tree.map(lambda x: np.asarray(x, np.float64), tree["visual"]["blocks"]["0"])
        if tree
        else {}
        for tree in filled
    )
    return params, stats


@pytest.mark.parametrize("temporal", ["joint", "divided", "ata"])
def test_a_block_equals_the_loops(temporal):
    x, (params, _) = tokens(), weights(temporal)
    found, loss = applied(temporal)(small.filled(small.config(temporal)), jnp.float32(x))
    expected = np.stack([getattr(reference, temporal)(clip, params) for clip in x])
    np.testing.assert_allclose(found, expected, atol=ATOL, rtol=ATOL)
    assert float(loss) == 0


def test_ila_token_equals_the_loops():
    x, (params, stats) = tokens(), weights("ila_token")
    found, loss = applied("ila_token")(small.filled(small.config("ila_token")), jnp.float32(x))
    expected = [reference.ila_token(clip, params, stats) for clip in x]
    np.testing.assert_allclose(found, np.stack([y for y, _ in expected]), atol=ATOL, rtol=ATOL)
    assert float(loss) == pytest.approx(np.mean([each for _, each in expected]), abs=ATOL)


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_shuffled_frames_change_the_logits_and_no_tower_that_is_blind_to_order(temporal):
    config = small.config(temporal)
    variables, video = small.filled(config), small.video()
    order = jnp.array([2, 0, 1])
    logits = quick(lambda v, x: model.apply(config, v, x, None, None)[0].logits)
    changed = np.abs(logits(variables, video[:, order]) - logits(variables, video)).max()
    # Plain CLIP takes the mean over the frames, and so knows no order at all.
    assert changed < ATOL if temporal == "clip" else changed > 1e-3
    plain, shuffled = (
        towered(temporal)(variables, clip).class_tokens for clip in (video, video[:, order])
    )
    moved = np.abs(shuffled - plain[:, order]).max()
    # X-CLIP's messages carry no position: its tower is as blind as the spatial one, and only
    # multi-frame integration knows the order.
    assert moved < ATOL if temporal in ("clip", "spatial", "xclip") else moved > 1e-3


@pytest.mark.parametrize("temporal", ["divided", "ata"])
def test_a_fresh_tower_is_clips(temporal):
    fresh = small.with_new_fresh(small.config(temporal))
    fresh.params["visual"]["temporal_embedding"] = jnp.zeros((small.FRAMES, 64))
    spatial = small.filled(small.config("spatial"))
    found = towered(temporal)(fresh, small.video())
    expected = towered("spatial")(spatial, small.video())
    np.testing.assert_allclose(found.class_tokens, expected.class_tokens, atol=1e-6)
    np.testing.assert_allclose(found.patch_tokens, expected.patch_tokens, atol=1e-5)


@pytest.mark.parametrize("temporal", ["divided", "ata"])
def test_time_attention_starts_as_a_copy_of_the_blocks_own(temporal):
    params = model.initialize(small.config(temporal), 0).params
    for block in params["visual"]["blocks"].values():
        for ours, clips in (("norm", "norm1"), ("attn", "attn")):
            same = jax.tree.map(np.array_equal, block["temporal"][ours], block["spatial"][clips])
            assert jax.tree.all(same)
        assert not np.any(block["temporal"]["fc"]["kernel"])
        assert not np.any(block["temporal"]["fc"]["bias"])
    assert not np.any(params["visual"]["temporal_embedding"])


def static():
    return jnp.repeat(small.video()[:, :1], small.FRAMES, axis=1)


def test_joint_on_a_static_clip_is_spatial():
    variables = small.filled(small.config("joint"))
    variables.params["visual"]["temporal_embedding"] = jnp.zeros((small.FRAMES, 64))
    found = towered("joint")(variables, static()).class_tokens
    spatial = small.filled(small.config("spatial"))
    expected = towered("spatial")(spatial, static()).class_tokens
    np.testing.assert_allclose(found, expected, atol=ATOL)


def test_ata_on_a_static_clip_is_divided():
    variables = small.filled(small.config("ata"))  # the same paths, so the same values
    variables.params["visual"]["temporal_embedding"] = jnp.zeros((small.FRAMES, 64))
    found, expected = (towered(t)(variables, static()).class_tokens for t in ("ata", "divided"))
    np.testing.assert_allclose(found, expected, atol=ATOL)


def test_ata_finds_a_planted_permutation():
    rng = np.random.RandomState(0)
    frame = rng.standard_normal((16, 64))
    moves = [rng.permutation(16) for _ in range(2)]
    frames = [frame]
    for move in moves:
        later = np.empty_like(frame)
        later[move] = frames[-1]  # patch i goes to place move[i]
        frames.append(later)
    pi = composed(matched(similarities(jnp.float32(np.stack(frames)[None]))))
    assert pi[0, 0].tolist() == list(range(16))
    assert pi[0, 1].tolist() == moves[0].tolist()
    assert pi[0, 2].tolist() == moves[1][moves[0]].tolist()


def test_aligning_and_putting_back_cancel():
    x = jnp.float32(tokens()[:, :, 1:])
    pi = composed(matched(similarities(x)))
    assert sorted(pi[0, 1].tolist()) == list(range(16))
    np.testing.assert_array_equal(put_back(gathered(x, pi), pi), x)


@pytest.mark.parametrize(("size", "problems"), [(4, 700), (16, 200), (49, 80), (196, 18), (256, 2)])
def test_the_solvers_equal_scipy(size, problems):
    """1,000 random problems in all."""
    rng = np.random.RandomState(size)
    similarity = rng.standard_normal((problems, 1, size, size)).astype(np.float32)
    on_host = np.asarray(quick(matched)(jnp.asarray(similarity)))
    on_device = np.asarray(quick(matched_on_device)(jnp.asarray(similarity)))
    for i, problem in enumerate(similarity[:, 0]):
        rows, best = linear_sum_assignment(problem, maximize=True)
        assert on_host[i, 0].tolist() == best.tolist()
        assert sorted(on_device[i, 0]) == list(rows)
        found = problem[rows, on_device[i, 0]].sum()
        assert found == pytest.approx(problem[rows, best].sum(), rel=1e-6)


def test_no_gradient_passes_through_the_matching():
    x = jnp.float32(tokens()[:, :, 1:])
    gradient = jax.grad(lambda z: similarities(z).sum())(x)
    assert not np.any(gradient)


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_a_single_frame_works_or_says_why_not(temporal):
    config = small.config(temporal, frames=1)
    tower = functools.partial(model.apply, config, small.filled(config))
    if TEMPORAL[temporal].aligns:
        with pytest.raises(ValueError, match="at least 2, found 1"):
            tower(small.video(frames=1), None, None)
    else:
        shape = jax.eval_shape(lambda v: tower(v, None, None)[0].logits, small.video(frames=1))
        assert shape.shape == (2, small.CLASSES)

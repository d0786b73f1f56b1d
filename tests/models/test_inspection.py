"""What blocks look at: attention by plain loops, heat, and the tokens handed on."""

import functools

import jax
import numpy as np
import pytest

from ila_jax.models import model
from ila_jax.models.inspection import BlockView, heat, look, on_patches
from ila_jax.models.variants import ALIGNING, TEMPORAL
from tests.models import reference, small

TOKENS = 17  # a class token and 4 x 4 patches


@functools.cache
def inspected(temporal):
    """What `look` gives of two clips, the tokens before the first block, and the whole tower's."""
    config = small.config(temporal)

    def run(variables, video):
        tower = model.bind(config, variables).visual
        return look(config, variables, video), tower.tokens(video), tower(video)

    quick = jax.jit(run, compiler_options=small.QUICK)
    return jax.tree.map(np.asarray, quick(small.filled(config), small.video()))


def looped(clip, temporal):
    """Attention of class tokens in the first block: [t, a, m], by a loop over queries and keys."""
    weights = small.filled(small.config(temporal)).params["visual"]["blocks"]["0"]["spatial"]
    w = jax.tree.map(lambda x: np.asarray(x, np.float64), weights)
    normal = reference.norm(np.float64(clip), w["norm1"])
    q, k, _ = np.split(reference.linear(normal, w["attn"]["qkv"]), 3, axis=-1)
    rows = []
    for t, frame in enumerate(k):
        keys = k.reshape(-1, 64) if temporal == "joint" else frame
        scores = np.array([q[t, 0] @ key for key in keys]) / 8  # one head of 64 channels
        rows.append([np.exp(scores) / np.exp(scores).sum()])
    return np.array(rows)


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_rows_of_attention_sum_to_one_and_the_last_tokens_are_the_towers(temporal):
    blocks, _, tower = inspected(temporal)
    assert len(blocks) == small.SHAPE.depth
    for block in blocks:
        np.testing.assert_allclose(block.attention.sum(axis=-1), 1, rtol=1e-5)
        assert (block.alignment is not None) == (block.masks is not None) == (temporal in ALIGNING)
    np.testing.assert_allclose(blocks[-1].tokens[:, :, 1:], tower.patch_tokens, atol=1e-5)
    assert np.abs(blocks[0].tokens - blocks[1].tokens).max() > 0.1


@pytest.mark.parametrize("temporal", ["spatial", "joint"])
def test_attention_equals_a_loop_over_queries_and_keys(temporal):
    blocks, tokens, _ = inspected(temporal)
    for attention, clip in zip(blocks[0].attention, tokens, strict=True):
        np.testing.assert_allclose(attention, looped(clip, temporal), atol=1e-5)


@pytest.mark.parametrize(("temporal", "more"), [("divided", 0), ("xclip", 1), ("ila_token", 1)])
def test_attention_also_sees_the_token_that_is_added(temporal, more):
    assert inspected(temporal)[0][0].attention.shape == (2, small.FRAMES, 1, TOKENS + more)


@pytest.mark.parametrize("temporal", ALIGNING)
def test_masks_are_what_each_frame_is_weighed_with(temporal):
    for block in inspected(temporal)[0]:
        first, second = block.alignment.previous, block.alignment.current
        assert block.alignment.points.shape == (2, small.FRAMES - 1, 2, 2)
        middle = second[:, 0] if temporal == "ila_token" else (first[:, 1] + second[:, 0]) / 2
        expected = np.stack([first[:, 0], middle, second[:, 1]], axis=1)
        np.testing.assert_allclose(block.masks, expected, atol=1e-6)
        by_variant = TEMPORAL[temporal].frame_weights(first, second)
        np.testing.assert_allclose(block.masks, by_variant, atol=1e-6)


def test_heat_is_the_norm_of_each_patch():
    tokens = np.random.RandomState(0).standard_normal((2, 3, 5, 8))
    norms = heat(tokens)
    assert norms.shape == (2, 3, 2, 2)
    for b, t, p in np.ndindex(2, 3, 4):
        expected = sum(value * value for value in tokens[b, t, 1 + p]) ** 0.5
        assert norms[b, t, p // 2, p % 2] == pytest.approx(expected)


def test_attention_on_patches_is_the_mean_over_heads():
    attention = np.random.RandomState(1).dirichlet(np.ones(6), (1, 2, 3))  # with one more token
    shares = on_patches(BlockView(np.zeros((1, 2, 5, 8)), attention, None, None))
    assert shares.shape == (1, 2, 2, 2)
    for t, p in np.ndindex(2, 4):
        expected = sum(attention[0, t, a, 1 + p] for a in range(3)) / 3
        assert shares[0, t, p // 2, p % 2] == pytest.approx(expected)


def test_joint_attention_on_patches_is_what_all_class_tokens_give_a_frame():
    attention = np.random.RandomState(2).dirichlet(np.ones(10), (1, 2, 3))  # of 2 x 5 tokens
    shares = on_patches(BlockView(np.zeros((1, 2, 5, 8)), attention, None, None))
    for t, p in np.ndindex(2, 4):
        given = [attention[0, s, a, 5 * t + 1 + p] for s in range(2) for a in range(3)]
        assert shares[0, t, p // 2, p % 2] == pytest.approx(sum(given) / 6)

"""What patches take from the patches of other frames, by plain loops and by planted matches."""

import jax
import numpy as np
import pytest

from ila_jax.models import model
from ila_jax.models.inspection import exchanges
from ila_jax.models.variants import TEMPORAL
from tests.models import reference, small

PATCHES = 16


def block_of(temporal):
    config = small.config(temporal)
    return model.bind(config, small.filled(config)).visual.blocks[0]


def tokens(seed=0, clips=1):
    return jax.random.normal(jax.random.key(seed), (clips, small.FRAMES, PATCHES + 1, 64))


def softmax(q, keys):
    scores = np.array([q @ key for key in keys]) / 8  # one head of 64 channels
    return np.exp(scores) / np.exp(scores).sum()


def projected(x, temporal, part):
    """Queries and keys of all tokens, in float64."""
    weights = small.filled(small.config(temporal)).params["visual"]["blocks"]["0"][part]
    w = jax.tree.map(lambda v: np.asarray(v, np.float64), weights)
    normal = reference.norm(np.float64(x), w["norm1" if part == "spatial" else "norm"])
    q, k, _ = np.split(reference.linear(normal, w["attn"]["qkv"]), 3, axis=-1)
    return q, k


def test_joint_attention_gives_patches_of_all_frames():
    x = tokens()
    q, k = (np.asarray(v)[0] for v in projected(x, "joint", "spatial"))
    taken = np.asarray(block_of("joint").exchange(x))[0]
    assert taken.shape == (3, PATCHES, 3, PATCHES)
    # Patch 5 of the second frame, over all 51 tokens of the clip; the class tokens are left out.
    row = softmax(q[1, 6], k.reshape(-1, 64)).reshape(3, PATCHES + 1)[:, 1:]
    np.testing.assert_allclose(taken[1, 5], row, atol=1e-6)


def test_divided_attention_gives_the_same_place_of_all_frames():
    x = tokens()
    q, k = (np.asarray(v)[0] for v in projected(x[:, :, 1:], "divided", "temporal"))
    taken = np.asarray(block_of("divided").exchange(x))[0]
    np.testing.assert_allclose(taken[2, 7, :, 7], softmax(q[2, 7], k[:, 7]), atol=1e-6)
    np.testing.assert_allclose(taken.sum(axis=(2, 3)), 1, atol=1e-6)
    places = np.eye(PATCHES)[None, :, None]
    np.testing.assert_allclose(taken * (1 - places), 0)


def test_ata_gives_the_patches_that_were_matched():
    """Each frame shows the first one's patches in another order, which the matching finds."""
    x = np.array(tokens())
    orders = [np.arange(PATCHES), *(np.random.default_rng(k).permutation(16) for k in (1, 2))]
    for t, order in enumerate(orders):
        x[0, t, 1:] = x[0, 0, 1:][order]
    block = block_of("ata")
    partner = np.asarray(block.matching(x))[0]
    inverse = [np.argsort(order) for order in orders]
    np.testing.assert_array_equal(partner[0], inverse[1])
    np.testing.assert_array_equal(partner[1][inverse[1]], inverse[2])
    taken = np.asarray(block.exchange(x))[0]
    for p in range(PATCHES):
        for t, s in ((0, 1), (1, 2), (2, 0)):
            row = taken[t, inverse[t][p], s]
            # The three are the same patch, so that each is given a third.
            assert row[inverse[s][p]] == pytest.approx(1 / 3, abs=1e-5)
            assert np.delete(row, inverse[s][p]).max() == 0


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_only_attention_over_patches_of_other_frames_gives_any(temporal):
    config = small.config(temporal)
    blocks = exchanges(config, small.filled(config), small.video())
    assert len(blocks) == small.SHAPE.depth
    for taken, partner in blocks:
        assert (taken is not None) == (temporal in ("joint", "divided", "ata"))
        assert (partner is not None) == (temporal == "ata")

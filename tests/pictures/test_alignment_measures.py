"""The measures of alignment: hand-computed cases, and their ends."""

import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.models.temporal.alignment import mask
from ila_jax.pictures import alignment_measures as measures
from ila_jax.pictures.alignment_measures import Places
from ila_jax.pictures.shares import centres

GRID = 4
NEAR, FAR = -2 / 3, 2 / 3  # where the middles of the quarters are on the grid of points
UPPER, LOWER = [0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]
RIGHT = [0.5, 0.0, 1.0, 0.5]  # the upper right quarter


def places(movers, distractors=None):
    movers = np.array(movers, np.float64)
    none = np.zeros((len(movers), 0, movers.shape[1], 4))
    return Places(movers, none if distractors is None else np.array(distractors, np.float64))


def scattered(count=60, frames=3, grid=8, seed=0):
    """Movers and two distractors, one patch large, anywhere; reversals are neighbours."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(1, grid - 1, (count // 2, 3, frames, 2)) / grid
    corners = np.stack([corners, corners[:, :, ::-1]], axis=1).reshape(count, 3, frames, 2)
    boxes = np.concatenate([corners, corners + 1 / grid], axis=-1)
    return Places(boxes[:, 0], boxes[:, 1:])


def on_grid(boxes):
    """The middles of boxes as points of the model: from -1 in the first patch to 1 in the last."""
    return (centres(boxes) * 8 - 0.5) / 7 * 2 - 1


def test_shares_of_mask_weight_by_hand():
    # Weight 3 in the upper left quarter's corner, 1 in the lower right one's, in both frames.
    masks = np.zeros((2, 2, GRID, GRID))
    masks[:, :, 0, 0], masks[:, :, 3, 3] = 3.0, 1.0
    found = measures.of_masks(
        masks,
        places([[UPPER, LOWER], [LOWER, LOWER]], [[[RIGHT, RIGHT]], [[UPPER, RIGHT]]]),
        reach=0.75,
        width=1.0,
    )
    np.testing.assert_allclose(found.mover, [(3 / 4 + 1 / 4) / 2, 1 / 4])
    np.testing.assert_allclose(
        found.fixed, 0.25, rtol=1e-6
    )  # a mask in the middle is alike in all quarters
    np.testing.assert_allclose(found.distractor, [0, 3 / 4 / 2])
    # The best mask is the nearest to the corner: looked for by hand over the search's points.
    around = np.asarray(mask(jnp.asarray([-0.75, -0.75]), GRID, None))
    np.testing.assert_allclose(found.best, around[:2, :2].sum() / around.sum(), rtol=1e-5)
    assert np.isnan(found.random).all()  # two clips are one scene: there is no other


def best_masks(boxes):
    """For each box the mask of the released form with the most of its weight on it, by a loop."""
    line = np.linspace(-0.75, 0.75, 41)
    points = jnp.asarray([[x, y] for y in line for x in line])
    masks = np.asarray(mask(points, 8, None))
    on_patch = masks / masks.sum(axis=(1, 2), keepdims=True)
    # Each object is one patch: the most weight on it is the largest share of that patch.
    columns, rows = np.round(boxes[..., 0] * 8).astype(int), np.round(boxes[..., 1] * 8).astype(int)
    return masks[on_patch[:, rows, columns].argmax(axis=0)]


def test_a_planted_perfect_aligner_has_the_best_that_could_be_had():
    where = scattered()
    found = measures.of_masks(best_masks(where.movers), where, reach=0.75, width=1.0)
    # The two searches try other points, and between them no point is much better.
    np.testing.assert_allclose(found.mover / found.best, 1, atol=0.02)
    assert found.mover.mean() > 1.5 * found.random.mean()
    assert found.mover.mean() > 1.5 * found.distractor.mean()

    pairs = np.stack([on_grid(where.movers)[:, :-1], on_grid(where.movers)[:, 1:]], axis=2)
    exact = measures.of_points(pairs, where, grid=8, reach=1.0)
    np.testing.assert_allclose(exact.mover, 0, atol=1e-6)
    np.testing.assert_allclose(exact.best, 0, atol=1e-6)


def test_a_mask_that_never_moves_has_the_value_of_the_middle():
    where = scattered()
    middle = np.asarray(mask(jnp.zeros(2), 8, None))
    found = measures.of_masks(np.broadcast_to(middle, (60, 3, 8, 8)), where, reach=0.75, width=1.0)
    np.testing.assert_allclose(found.mover, found.fixed, rtol=1e-5)
    points = measures.of_points(np.zeros((60, 2, 2, 2)), where, grid=8, reach=0.75)
    np.testing.assert_allclose(points.mover, points.fixed, rtol=1e-5)
    same = measures.of_maps(np.broadcast_to(middle, (60, 3, 8, 8)), where)
    np.testing.assert_allclose(same.mover, same.fixed, rtol=1e-5)


def test_shuffled_boxes_have_the_value_of_a_random_place():
    where = scattered(count=200)
    masks = best_masks(where.movers)
    true = measures.of_masks(masks, where, reach=0.75, width=1.0)
    shuffled = measures.of_masks(masks, where.shuffled(6), reach=0.75, width=1.0)
    assert shuffled.mover.mean() == pytest.approx(true.random.mean(), abs=0.005)
    assert true.mover.mean() > true.random.mean() + 0.03


def test_a_random_place_is_of_other_scenes_alone():
    # Two scenes of a clip and its reversal each: weight is where the first has its object.
    weights = np.zeros((4, 1, GRID, GRID))
    weights[..., 0, 0] = 1.0
    found = measures.of_maps(weights, places([[UPPER], [UPPER], [LOWER], [LOWER]]))
    np.testing.assert_allclose(found.mover, [1, 1, 0, 0])
    np.testing.assert_allclose(found.random, [0, 0, 1, 1])


def test_distances_of_points_by_hand():
    points = np.array([[[[NEAR, NEAR], [NEAR, NEAR]]]] * 4, np.float64)[:, 0]
    movers = [[UPPER, LOWER], [LOWER, UPPER], [UPPER, UPPER], [UPPER, UPPER]]
    others = [[[RIGHT, RIGHT]], [[RIGHT, RIGHT]], [[UPPER, RIGHT]], [[UPPER, UPPER]]]
    found = measures.of_points(points, places(movers, others), grid=GRID, reach=0.75)
    across = 0.5**0.5
    np.testing.assert_allclose(found.mover, [across / 2, across / 2, 0, 0], atol=1e-9)
    np.testing.assert_allclose(found.fixed, across / 2)
    np.testing.assert_allclose(found.random, [0, 0, across / 2, across / 2], atol=1e-9)
    np.testing.assert_allclose(found.distractor, [0.5, 0.5, 0.25, 0], atol=1e-9)
    np.testing.assert_allclose(found.best, 0, atol=1e-9)


def test_a_place_out_of_reach_is_as_far_as_the_nearest_that_is_not():
    corner = [[0.0, 0.0, 0.25, 0.25]] * 2  # its middle is the first patch's, -1
    found = measures.of_points(np.zeros((2, 1, 2, 2)), places([corner] * 2), grid=GRID, reach=0.75)
    # From -1 to -0.75 is an eighth of the three patches between the outer ones.
    np.testing.assert_allclose(found.best, 3 / 4 / 8 * 2**0.5)


# Four patches a frame, two a side: the object in patch 0, then 3.
MOVER = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]
STAYS = [[0.5, 0.0, 1.0, 0.5]] * 2  # in patch 1


def test_matching_by_hand():
    partner = np.array([[[3, 1, 2, 0]], [[0, 1, 2, 3]]])
    found = measures.of_matching(partner, places([MOVER] * 2, [[STAYS]] * 2))
    np.testing.assert_allclose(found.mover, [1, 0])
    np.testing.assert_allclose(found.fixed, 0)  # to the same place, where it no longer is
    np.testing.assert_allclose(found.distractor, 0)
    np.testing.assert_allclose(found.best, 1)
    astray = measures.of_matching(
        np.array([[[1, 0, 2, 3]]] * 2), places([MOVER] * 2, [[STAYS]] * 2)
    )
    np.testing.assert_allclose(astray.distractor, 1)


def test_the_best_matching_counts_what_is_covered():
    # Half of patches 0 and 1, then all of patch 0 and nothing else: one of the two can be there.
    half, whole = [0.25, 0.0, 0.75, 0.5], [0.0, 0.0, 0.5, 0.5]
    found = measures.of_matching(np.array([[[0, 1, 2, 3]]] * 2), places([[half, whole]] * 2))
    np.testing.assert_allclose(found.best, 0.5)
    np.testing.assert_allclose(found.mover, 0.5)


def test_attention_over_time_by_hand():
    taken = np.zeros((2, 2, 4, 2, 4))
    taken[:, 0, 0, 0, 0] = 0.6  # its own frame, which does not count
    taken[:, 0, 0, 1, 3], taken[:, 0, 0, 1, 1] = 0.3, 0.1
    taken[:, 1, 3, 0, 0], taken[:, 1, 3, 0, 2] = 0.2, 0.2
    found = measures.of_exchange(taken, places([MOVER] * 2, [[STAYS]] * 2))
    # Of 0.4 from each frame: 0.3 and 0.2 to the object, 0.1 and nothing to the other.
    np.testing.assert_allclose(found.mover, 0.5 / 0.8)
    np.testing.assert_allclose(found.distractor, 0.1 / 0.8)
    np.testing.assert_allclose(found.fixed, 0)
    np.testing.assert_allclose(found.best, 1)


def test_what_stays_in_its_place_can_do_no_better_than_the_object_stays():
    tubes = np.einsum("ts,pq->tpsq", np.full((2, 2), 0.5), np.eye(4))[None].repeat(2, axis=0)
    moves = measures.of_exchange(tubes, places([MOVER] * 2))
    rests = measures.of_exchange(tubes, places([STAYS] * 2))
    np.testing.assert_allclose(moves.best, 0)
    np.testing.assert_allclose([rests.mover, rests.fixed, rests.best], 1)


def test_clips_without_others_have_no_value_for_them():
    found = measures.of_maps(np.ones((2, 2, GRID, GRID)), places([[UPPER, UPPER]] * 2))
    assert np.isnan(found.distractor).all()
    one = np.array([[STAYS, np.full((2, 4), np.nan)]] * 2)
    fewer = measures.of_maps(np.ones((2, 2, GRID, GRID)), places([[UPPER, UPPER]] * 2, one))
    np.testing.assert_allclose(fewer.distractor, 0.25)

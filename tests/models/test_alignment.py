"""Masks, their assignment to frames, and the alignment loss, by hand and by plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.models.temporal.alignment import (
    alignment_loss,
    cosine,
    mask,
    neighbours,
    per_frame,
    profile,
)

ATOL = 1e-6


def normal(*shape, seed=0):
    return jnp.asarray(np.random.RandomState(seed).standard_normal(shape), jnp.float32)


def falloff(distance):
    """f of models.md 7a, 5."""
    distance = abs(distance)
    return 1.0 if distance <= 0.25 else max(0.0, 1 - 1.5 * (distance - 0.25))


def looped_mask(x, y, grid):
    lines = np.linspace(-1, 1, grid)
    out = np.zeros((grid, grid))
    for i in range(grid):
        for j in range(grid):
            out[i, j] = falloff(lines[i] - y) * falloff(lines[j] - x)
    return out


def test_the_profile_of_seven_lines_around_the_centre():
    expected = [0, 0.375, 0.875, 1, 0.875, 0.375, 0]
    np.testing.assert_allclose(profile(jnp.zeros(()), 7, None), expected, atol=ATOL)


def test_the_profile_is_flat_to_a_quarter_and_then_falls_by_one_and_a_half_a_unit():
    # Five lines: -1, -0.5, 0, 0.5, 1, at distances 1.25, 0.75, 0.25, 0.25, 0.75 of 0.25.
    lines = profile(jnp.float32(0.25), 5, None)
    np.testing.assert_allclose(lines, [0, 0.25, 1, 1, 0.25], atol=ATOL)


def test_the_profile_does_not_fall_below_zero():
    assert float(profile(jnp.float32(-0.75), 7, None).min()) == 0


@pytest.mark.parametrize("grid", [4, 7, 16])
def test_a_mask_equals_a_plain_loop(grid):
    points = jnp.asarray([[0.0, 0.0], [0.3, -0.6], [-0.75, 0.75]])
    expected = [looped_mask(float(x), float(y), grid) for x, y in points]
    np.testing.assert_allclose(mask(points, grid, None), expected, atol=ATOL)


@pytest.mark.parametrize("noise", [0.2, 0.05, 0.0])
def test_the_mask_in_training_is_the_mean_of_nine_masks(noise):
    grid, x, y = 7, 0.31, -0.52
    nine = [looped_mask(x + noise * i, y + noise * j, grid) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    in_training = mask(jnp.asarray([x, y]), grid, jnp.float32(noise))
    np.testing.assert_allclose(in_training, np.mean(nine, axis=0), atol=ATOL)


def test_a_point_with_positive_x_lies_to_the_right():
    around = np.asarray(mask(jnp.asarray([2 / 3, 0.0]), 7, None))
    assert around[3, 5] == 1  # the middle row, two columns right of the middle
    assert around[:, 6].sum() > around[:, 0].sum()
    np.testing.assert_allclose(around, around[::-1], atol=ATOL)  # no preference up or down


def test_a_point_with_positive_y_lies_below():
    around = np.asarray(mask(jnp.asarray([0.0, 2 / 3]), 7, None))
    assert around[5, 3] == 1
    assert around[6].sum() > around[0].sum()


def test_at_the_ends_of_a_clip_a_frame_is_in_one_pair_and_in_the_middle_in_two():
    previous = jnp.asarray([[[1.0], [2.0], [3.0]]])  # of the pairs (1, 2), (2, 3), (3, 4)
    current = jnp.asarray([[[10.0], [20.0], [30.0]]])
    expected = [[1.0], [(2 + 10) / 2], [(3 + 20) / 2], [30.0]]
    np.testing.assert_array_equal(per_frame(previous, current)[0], expected)


def test_of_two_frames_the_first_is_the_previous_and_the_last_the_current():
    frames = per_frame(jnp.asarray([[[1.0]]]), jnp.asarray([[[10.0]]]))
    np.testing.assert_array_equal(frames, [[[1.0], [10.0]]])


def test_neighbours_are_on_channels_the_earlier_first():
    u = normal(2, 3, 4, 4, 5)
    pairs, u = np.asarray(neighbours(u)), np.asarray(u)
    assert pairs.shape == (4, 4, 4, 10)
    for clip in range(2):
        for pair in range(2):
            np.testing.assert_array_equal(pairs[2 * clip + pair, ..., :5], u[clip, pair])
            np.testing.assert_array_equal(pairs[2 * clip + pair, ..., 5:], u[clip, pair + 1])


def test_the_alignment_loss_equals_a_plain_loop():
    previous, current = (jnp.abs(normal(2, 3, 4, 4, seed=s)) for s in (1, 2))
    u = normal(2, 4, 4, 4, 6)
    loss = alignment_loss(previous, current, u)
    previous, current, u = (np.asarray(x)[..., None] for x in (previous, current, u))
    losses = []
    for clip in range(2):
        for pair in range(3):
            a = (previous[clip, pair] * u[clip, pair, ..., 0]).sum((0, 1))
            b = (current[clip, pair] * u[clip, pair + 1, ..., 0]).sum((0, 1))
            losses.append(1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    assert float(loss) == pytest.approx(np.mean(losses), abs=ATOL)


def test_equal_masks_on_a_still_video_lose_nothing():
    frame, weights = normal(2, 1, 4, 4, 6), jnp.abs(normal(2, 1, 4, 4, seed=1))
    u, masks = jnp.repeat(frame, 4, axis=1), jnp.repeat(weights, 3, axis=1)
    assert float(alignment_loss(masks, masks, u)) == pytest.approx(0, abs=ATOL)


def test_opposite_frames_lose_two():
    frame, masks = normal(1, 1, 4, 4, 6), jnp.ones((1, 1, 4, 4))
    u = jnp.concatenate([frame, -frame], axis=1)
    assert float(alignment_loss(masks, masks, u)) == pytest.approx(2, abs=ATOL)


@pytest.mark.parametrize("zero", ["previous", "current", "both"])
def test_a_masked_sum_of_zero_has_a_finite_gradient(zero):
    u = normal(1, 2, 4, 4, 6)
    ones, zeros = jnp.ones((1, 1, 4, 4)), jnp.zeros((1, 1, 4, 4))
    previous = ones if zero == "current" else zeros
    current = ones if zero == "previous" else zeros
    value, gradients = jax.value_and_grad(alignment_loss, argnums=(0, 1, 2))(previous, current, u)
    assert float(value) == pytest.approx(1)  # a zero vector is at a right angle to all
    assert all(jnp.isfinite(g).all() for g in gradients)


def test_the_cosine_ignores_lengths():
    a, b = normal(3, 8), normal(3, 8, seed=1)
    np.testing.assert_allclose(cosine(2 * a, 5 * b), cosine(a, b), atol=ATOL)
    np.testing.assert_allclose(cosine(a, 7 * a), [1, 1, 1], atol=ATOL)


def test_the_loss_of_bfloat16_tokens_is_float32():
    masks, u = jnp.ones((1, 1, 4, 4)), normal(1, 2, 4, 4, 6).astype(jnp.bfloat16)
    loss = alignment_loss(masks, masks, u)
    assert loss.dtype == jnp.float32
    expected = alignment_loss(masks, masks, u.astype(jnp.float32))
    assert float(loss) == pytest.approx(float(expected), abs=ATOL)


def test_a_mask_of_half_the_width_is_at_half_the_distance():
    # Nine lines, 0.25 apart: half the width falls from 1/8 of the side on, by 3 a unit.
    half = profile(jnp.zeros(()), 9, None, 0.5)
    np.testing.assert_allclose(half, [0, 0, 0, 0.625, 1, 0.625, 0, 0, 0], atol=ATOL)
    np.testing.assert_array_equal(
        profile(jnp.zeros(()), 9, None, 1.0), profile(jnp.zeros(()), 9, None)
    )
    noisy = profile(jnp.zeros(()), 9, jnp.float32(0.25), 0.5)
    np.testing.assert_allclose(noisy[3:6], [1.625 / 3, 2.25 / 3, 1.625 / 3], atol=ATOL)

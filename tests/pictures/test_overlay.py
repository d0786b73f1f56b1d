"""Masks, points and heat over frames, compared with pixels worked out by hand."""

import numpy as np
import pytest

from ila_jax.pictures.overlay import EARLIER, LATER, enlarged, heat_overlay, in_frame, mask_overlay

GRID = 4
GREY = np.full((3, 80, 80, 3), 100, np.uint8)


def test_a_patch_is_as_bright_as_its_weight():
    masks = np.zeros((3, GRID, GRID), np.float32)
    masks[1, 2, 3] = 1  # row 2, column 3
    masks[1, 0, 1] = 0.5
    found = mask_overlay(GREY, masks, np.zeros((0, 2, 2)))
    assert (found[1, 40:60, 60:80] == 100).all()
    assert (found[1, 0:20, 20:40] == 58).all()  # 100 · (0.15 + 0.85 / 2), rounded
    assert (found[0] == 15).all()
    assert (found[1] == 15).sum() == (16 - 2) * 400 * 3
    assert (GREY == 100).all()


def test_rings_are_around_the_points_of_their_own_frames():
    masks = np.ones((3, GRID, GRID), np.float32)
    points = np.zeros((2, 2, 2))
    points[0] = (-0.5, 0.75), (0.5, -0.75)
    points[1] = (0, 0), (0.25, 0.25)
    found = mask_overlay(GREY, masks, points)

    def centres(frame, colour):
        rows, columns = np.nonzero(np.abs(found[frame] - np.int32(colour)).max(axis=-1) < 60)
        if not len(rows):
            return None
        return columns.min() / 2 + columns.max() / 2 + 0.5, rows.min() / 2 + rows.max() / 2 + 0.5

    # x = ((p + 1) / 2 · 3 + 0.5) / 4 · 80
    assert centres(0, EARLIER) == pytest.approx((25, 62.5), abs=1)
    assert centres(1, LATER) == pytest.approx((55, 17.5), abs=1)
    assert centres(1, EARLIER) == pytest.approx((40, 40), abs=1)
    assert centres(2, LATER) == pytest.approx((47.5, 47.5), abs=1)
    assert centres(0, LATER) is None
    assert centres(2, EARLIER) is None


def test_the_outermost_lines_are_the_centres_of_the_outermost_patches():
    np.testing.assert_allclose(in_frame(np.array([[-1, 1], [0, -1 / 3]]), 4),
                               [[0.125, 0.875], [0.5, 0.375]])  # fmt: skip


def test_heat_is_on_the_scale_given():
    heat = np.full((3, GRID, GRID), 2.0, np.float32)
    heat[0, 0, 0], heat[2, 3, 3] = 4.0, 9.0
    found = heat_overlay(GREY, heat, scale=(2.0, 4.0))
    violet, yellow = np.array([68, 1, 84]), np.array([253, 231, 37])  # of viridis
    np.testing.assert_allclose(found[0, 50, 50], 0.65 * violet + 35, atol=1)
    np.testing.assert_allclose(found[0, 10, 10], 0.65 * yellow + 35, atol=1)
    np.testing.assert_array_equal(found[2, 70, 70], found[0, 10, 10])  # beyond the scale: its end
    np.testing.assert_array_equal(found[1], found[2][:20, :20].repeat(4, 0).repeat(4, 1))


def test_equal_heat_everywhere_is_the_low_end():
    found = heat_overlay(GREY, np.full((3, GRID, GRID), 2.0), scale=(2.0, 2.0))
    np.testing.assert_allclose(found[0, 0, 0], 0.65 * np.array([68, 1, 84]) + 35, atol=1)


def test_frames_are_enlarged():
    assert enlarged(GREY, 160).shape == (3, 160, 160, 3)

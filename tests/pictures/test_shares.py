"""Boxes through the centre crop, and shares on the object, by hand and by drawn pixels."""

import numpy as np
import pytest

from ila_jax.data.clips.transforms import CentreCrop, ShortSide, short_side
from ila_jax.pictures.shares import centres, contrast, coverage, in_clip, inside, share


def test_a_box_in_a_clip_by_hand():
    # 64 x 48 becomes 49 x 37 for a clip of 32, and loses 8 on the left and 2 at the top.
    box = np.array([[16.0, 12.0, 48.0, 36.0]])
    expected = [16 * 49 / 64 - 8, 12 * 37 / 48 - 2, 48 * 49 / 64 - 8, 36 * 37 / 48 - 2]
    assert expected == [4.25, 7.25, 28.75, 25.75]
    found = in_clip(box, height=48, width=64, size=32)
    np.testing.assert_allclose(found[0] * 32, expected)


def test_what_the_crop_leaves_out_is_cut_off():
    found = in_clip(np.array([[0.0, 0.0, 64.0, 48.0], [0, 0, 5, 5]]), height=48, width=64, size=32)
    np.testing.assert_allclose(found[0], [0, 0, 1, 1])
    assert found[1, 0] == found[1, 2] == 0  # left of the crop: nothing of it is there


@pytest.mark.parametrize(("height", "width"), [(48, 64), (480, 270), (360, 640), (300, 300)])
def test_a_drawn_box_is_where_it_is_said_to_be(height, width):
    size, rng = 112, np.random.default_rng(0)
    for _ in range(5):
        low = rng.uniform(0.2, 0.45, 2) * (width, height)
        high = rng.uniform(0.55, 0.8, 2) * (width, height)
        (x0, y0), (x1, y1) = np.round(low).astype(int), np.round(high).astype(int)
        video = np.zeros((1, height, width, 3), np.uint8)
        video[0, y0:y1, x0:x1] = 255
        clip = CentreCrop(size)(ShortSide(short_side(size))(video))[0, :, :, 0] / 255
        found = in_clip(np.array([x0, y0, x1, y1]), height=height, width=width, size=size) * size
        columns, rows = clip.max(axis=0).sum(), clip.max(axis=1).sum()
        edges = max(1, size / min(height, width))  # of interpolation, in pixels
        assert found[2] - found[0] == pytest.approx(columns, abs=edges)
        assert found[3] - found[1] == pytest.approx(rows, abs=edges)
        y, x = np.mgrid[:size, :size] + 0.5
        middle = (x * clip).sum() / clip.sum(), (y * clip).sum() / clip.sum()
        assert centres(found) == pytest.approx(middle, abs=0.3)


def test_coverage_of_patches_by_hand():
    box = np.array([0.25, 0.125, 0.875, 0.5])  # of 4 x 4 patches: columns 1 to 3½, rows ½ to 2
    expected = np.zeros((4, 4))
    expected[0, 1:3], expected[0, 3] = 0.5, 0.25
    expected[1, 1:3], expected[1, 3] = 1, 0.5
    np.testing.assert_allclose(coverage(box, 4), expected)
    assert coverage(np.array([[0, 0, 0, 1], [0, 0, 1, 1]]), 4).sum(axis=(1, 2)).tolist() == [0, 16]


def test_the_share_of_equal_weight_is_that_of_the_area():
    boxes = np.array([[0.1, 0.2, 0.6, 0.9], [0, 0, 1, 0.5]])
    cover = coverage(boxes, 8)
    np.testing.assert_allclose(share(np.full((2, 8, 8), 3.0), cover), [0.5 * 0.7, 0.5])


def test_weight_on_the_object_alone_is_all_of_it():
    cover = coverage(np.array([0.25, 0.25, 0.5, 0.75]), 4)
    weights = np.where(cover > 0, 2.0, 0.0)
    assert share(weights, cover) == 1
    weights[0, 0] = 4
    assert share(weights, cover) == 0.5


def test_contrast_is_above_the_lowest_of_the_clip():
    heat = np.array([[[[1.0, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]])  # two clips of two frames
    np.testing.assert_allclose(contrast(heat)[:, :, 0], [[[0, 1], [2, 3]]] * 2)


def test_points_in_boxes():
    boxes = np.array([[0.2, 0.2, 0.4, 0.6]] * 3)
    assert inside(np.array([[0.3, 0.5], [0.3, 0.7], [0.1, 0.3]]), boxes).tolist() == [1, 0, 0]

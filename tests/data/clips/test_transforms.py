"""Sizes, boxes and positions by hand; the pixels against OpenCV."""

import cv2
import numpy as np
import pytest

from ila_jax.data.clips.transforms import (
    CentreCrop,
    MultiScaleCrop,
    ShortSide,
    SpreadCrops,
    positions,
    resize,
    short_side,
)

SCALES = (1.0, 0.875, 0.75, 0.66)


def video(height: int, width: int, frames: int = 2) -> np.ndarray:
    """Pixels that tell where they are: red is the row, green the column, blue the frame."""
    t, y, x = np.mgrid[:frames, :height, :width]
    return np.stack([y, x, t], axis=-1).astype(np.uint8)


def test_short_side():
    assert ShortSide(256)(video(240, 320)).shape == (2, 256, 341, 3)  # 341.33
    assert ShortSide(36)(video(64, 48)).shape == (2, 48, 36, 3)
    assert ShortSide(5)(video(2, 3)).shape == (2, 5, 8, 3)  # 7.5 rounds up
    clip = video(256, 256)
    assert ShortSide(256)(clip) is clip
    assert [short_side(s) for s in (224, 336, 64, 32)] == [256, 384, 73, 37]


def test_resizing_is_opencv_bilinear():
    clip = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)[:, 3:40, 5:50]
    got = resize(clip, height=30, width=20)
    for frame, out in zip(clip, got, strict=True):
        expected = cv2.resize(np.ascontiguousarray(frame), (20, 30), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(out, expected)


def test_a_frame_alone_is_as_in_the_video():
    clip = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    for turned in (clip, np.rot90(clip, axes=(1, 2))):  # not contiguous, as rotated videos decode
        alone = [ShortSide(36).frame(frame) for frame in turned]
        np.testing.assert_array_equal(alone, ShortSide(36)(np.ascontiguousarray(turned)))


def test_centre_crop():
    np.testing.assert_array_equal(CentreCrop(4)(video(7, 10)), video(7, 10)[:, 1:5, 3:7])
    with pytest.raises(ValueError, match="of 8 pixels of a video of 10x7"):
        CentreCrop(8)(video(7, 10))


def test_spread_crops_by_hand():
    """Where the released code's three lie: the last ends a pixel early if the rest is odd."""
    corners = lambda crops: [tuple(crop[0, 0, 0, :2].tolist()) for crop in crops]  # noqa: E731
    wide, tall = video(4, 11), video(11, 4)
    assert corners(SpreadCrops(4, 3)(wide)) == [(0, 0), (0, 3), (0, 6)]
    assert corners(SpreadCrops(4, 3)(tall)) == [(0, 0), (3, 0), (6, 0)]
    assert corners(SpreadCrops(4, 2)(wide)) == [(0, 0), (0, 7)]
    assert corners(SpreadCrops(4, 1)(wide)) == corners([CentreCrop(4)(wide)]) == [(0, 3)]
    assert corners(SpreadCrops(4, 3)(video(6, 11))) == [(1, 0), (1, 3), (1, 6)]
    assert corners(SpreadCrops(4, 3)(video(4, 4))) == [(0, 0)] * 3
    assert {crop.shape for crop in SpreadCrops(4, 3)(tall)} == {(2, 4, 4, 3)}
    with pytest.raises(ValueError, match="of 4 pixels of a video"):
        SpreadCrops(4, 3)(video(3, 11))


def test_the_ten_pairs():
    # 256 · (1, .875, .75, .66) = 256, 224, 192, 168.96; at most one step apart.
    steps = [256, 224, 192, 168]
    expected = {(a, b) for i, a in enumerate(steps) for j, b in enumerate(steps) if abs(i - j) <= 1}
    pairs = MultiScaleCrop(224, SCALES).pairs(256)
    assert len(pairs) == 10
    assert set(pairs) == expected
    assert (256, 192) not in pairs
    # A side less than 3 pixels from the target becomes the target: 257 · .875 = 224.875.
    assert (224, 224) in MultiScaleCrop(224, SCALES).pairs(257)
    assert MultiScaleCrop(222, (1.0,)).pairs(224) == [(222, 222)]
    assert MultiScaleCrop(221, (1.0,)).pairs(224) == [(224, 224)]  # 3 is not less than 3
    assert MultiScaleCrop(224, (1.0,)).pairs(223) == [(223, 223)]  # no box beyond the picture


def test_the_five_positions():
    # (341 - 224) // 4 = 29, (256 - 224) // 4 = 8: the right corner is at 116, not at 117.
    assert positions(117, 32) == [(0, 0), (116, 0), (0, 32), (116, 32), (58, 16)]
    assert positions(3, 0) == [(0, 0)] * 5


def test_every_pair_and_position_is_drawn():
    """The corners of what comes out tell the box: without averaging, pixels name their place."""
    crop = MultiScaleCrop(28, SCALES)  # short side 32
    clip = video(32, 48)
    boxes = set()
    for seed in range(1500):
        out = crop(clip, np.random.default_rng(seed))
        assert out.shape == (2, 28, 28, 3)
        assert out.dtype == np.uint8
        assert (out[1, ..., 2] == 1).all()
        np.testing.assert_array_equal(out[0, ..., :2], out[1, ..., :2])  # one box a clip
        boxes.add((int(out[0, 0, 0, 1]), int(out[0, 0, 0, 0]), *out[0, -1, -1, 1::-1].tolist()))
    expected = set()
    for w, h in crop.pairs(32):
        for left, top in positions(48 - w, 32 - h):
            corner = resize(clip[:, top : top + h, left : left + w], height=28, width=28)[0]
            expected.add((*corner[0, 0, 1::-1].tolist(), *corner[-1, -1, 1::-1].tolist()))
    assert boxes == expected


def test_the_same_generator_gives_the_same_crop():
    clip = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    crop = MultiScaleCrop(32, SCALES)
    one, other = (crop(clip, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one, other)

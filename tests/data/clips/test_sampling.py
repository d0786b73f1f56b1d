"""Frame numbers, against values worked out by hand."""

import numpy as np
import pytest

from ila_jax.data.clips.sampling import dense, dense_clip, interleaved_clip, interval, segments


def test_interval_by_hand():
    assert interval(32, 4).tolist() == [4, 12, 20, 28]
    assert interval(10, 4).tolist() == [1, 3, 6, 8]  # 1.25, 3.75, 6.25, 8.75
    assert interval(7, 3).tolist() == [1, 3, 5]  # 7/6, 21/6, 35/6
    assert interval(4, 4).tolist() == [0, 1, 2, 3]
    assert interval(2, 4).tolist() == [0, 0, 1, 1]
    assert interval(1, 3).tolist() == [0, 0, 0]


def test_clips_by_hand():
    # (i + (k + 1/2)/4) * 16/4: first clip 0.5, 4.5, …; last clip 3.5, 7.5, …
    clips = [interleaved_clip(16, 4, clip=k, clips=4).tolist() for k in range(4)]
    assert clips == [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]]
    assert interleaved_clip(10, 4, clip=1, clips=2).tolist() == [
        1,
        4,
        6,
        9,
    ]  # 1.875, 4.375, 6.875, 9.375
    with pytest.raises(ValueError, match="clip 2 of 2"):
        interleaved_clip(10, 4, clip=2, clips=2)


@pytest.mark.parametrize(("count", "frames"), [(32, 4), (10, 4), (8, 8), (300, 16), (5, 8), (1, 2)])
def test_segments_cover_their_segments_and_nothing_else(count, frames):
    rng = np.random.default_rng(0)
    drawn = np.array([segments(count, frames, rng) for _ in range(600)])
    for i in range(frames):
        low, high = i * count // frames, (i + 1) * count // frames
        expected = set(range(low, high)) or {low}
        assert set(drawn[:, i].tolist()) <= expected
        assert len(expected) > 20 or set(drawn[:, i].tolist()) == expected


def test_segments_are_uniform():
    rng = np.random.default_rng(0)
    drawn = np.array([segments(20, 4, rng) for _ in range(4000)])
    counts = np.bincount(drawn.ravel(), minlength=20)
    assert abs(counts - 800).max() < 120  # more than 4 standard deviations (25)


def test_dense_clips_by_hand():
    # 4 frames 3 apart span 10 of 16 frames: 7 starts, 0 to 6.
    starts = [dense_clip(16, 4, stride=3, clip=k, clips=3)[0] for k in range(3)]
    assert starts == [1, 3, 5]  # 7/6, 21/6, 35/6
    assert dense_clip(16, 4, stride=3, clip=0, clips=1).tolist() == [3, 6, 9, 12]
    assert dense_clip(10, 4, stride=3, clip=1, clips=2).tolist() == [0, 3, 6, 9]  # the only one
    assert dense_clip(7, 1, stride=99, clip=0, clips=1).tolist() == [3]
    with pytest.raises(ValueError, match="clip 3 of 3"):
        dense_clip(16, 4, stride=3, clip=3, clips=3)
    with pytest.raises(ValueError, match="stride of 0"):
        dense_clip(16, 4, stride=0, clip=0, clips=1)


def test_dense_starts_are_uniform():
    rng = np.random.default_rng(0)
    drawn = np.array([dense(16, 4, stride=3, rng=rng) for _ in range(3500)])
    assert (np.diff(drawn) == 3).all()
    counts = np.bincount(drawn[:, 0])
    assert len(counts) == 7
    assert abs(counts - 500).max() < 90  # more than 4 standard deviations (21)


def test_a_video_shorter_than_a_dense_clip_is_shown_whole():
    """Sampled as sparsely as it must be: frames repeat only where there are fewer than T."""
    clips = [dense_clip(9, 4, stride=3, clip=k, clips=2).tolist() for k in range(2)]
    assert clips == [interleaved_clip(9, 4, clip=k, clips=2).tolist() for k in range(2)]
    assert dense_clip(2, 4, stride=3, clip=0, clips=1).tolist() == [0, 0, 1, 1]
    one, other = (
        [sample(np.random.default_rng(5)).tolist() for _ in range(2)]
        for sample in (
            lambda rng: dense(9, 4, stride=3, rng=rng),
            lambda rng: segments(9, 4, rng),
        )
    )
    assert one == other


def test_a_video_without_frames():
    with pytest.raises(ValueError, match="positive"):
        interval(0, 4)

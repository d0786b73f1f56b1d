"""Times on one clock, also where a file's own is set anew, and where packets have none."""

from pathlib import Path

import numpy as np
import pytest

from ila_jax.data.clips.windows import Windows, frame_times
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.video.sequential import _filled
from tests.data.videos import GOOD, H264, picture, write_video

PARTS = {
    "ts": {"options": H264 | {"g": "12"}},
    "mpg": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}},
}


def joined(folder: Path, suffix: str, starts: list[float]) -> Path:
    """Files of 40 frames after each other, as `cat` joins them. starts: their first times."""
    path = folder / f"joined.{suffix}"
    data = b""
    for k, start in enumerate(starts):
        part = write_video(folder / f"{k}.{suffix}", start=start, offset=40 * k, **PARTS[suffix])
        data += part.read_bytes()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("suffix", "starts"),
    [
        ("ts", [0, 0, 0]),
        ("ts", [1000, 0, 1000]),  # ahead, too
        ("ts", [95443, 0, 0]),  # 33 bits of a clock with 90,000 ticks a second overflow on the way
        ("mpg", [0, 0, 0]),
    ],
)
def test_joined_files_go_on_in_time(suffix, starts, tmp_path):
    path = joined(tmp_path, suffix, starts)
    index = index_video(path.read_bytes())
    assert index.count == 120
    steps = np.diff(index.times)
    # 95443 s: a second part that starts just behind where the clock overflowed is left there.
    near = starts[0] == 95443
    np.testing.assert_allclose(np.delete(steps, 39) if near else steps, 0.04, atol=2e-3)
    np.testing.assert_array_equal(frame_times(path), index.times)
    if not near:
        assert [window.count for window in Windows(path, seconds=1.598)] == [40, 40, 40]
    for k in (0, 39, 40, 85, 119):
        shown = decode(index, [k])[0].astype(float)
        errors = [np.abs(shown - picture(i, 48, 64)).mean() for i in range(120)]
        assert np.argmin(errors) == k


def test_a_long_gap_of_an_mp4_is_kept(tmp_path):
    path = write_video(tmp_path / "slides.mp4", gap=30.0, **GOOD["mpeg4_b.mp4"])
    steps = np.diff(index_video(path.read_bytes()).times)
    np.testing.assert_allclose(steps[[0, 19, 38]], [0.04, 30.04, 0.04], atol=1e-3)


def test_times_that_are_missing_by_hand():
    """Two ticks a second, steps of a quarter of one: between, before, behind; none; mixed up."""
    for stamps, seconds in {
        (4, None, 8): [2, 3, 4],
        (None, None, 8, None): [3.5, 3.75, 4, 4.25],
        (None, None): [0, 0.25],
        (0, 4, 2, 6): [0, 1, 2, 3],
    }.items():
        np.testing.assert_array_equal(_filled(stamps, 0.5, 0.25), seconds)

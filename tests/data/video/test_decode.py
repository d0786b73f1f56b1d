"""Every frame is bit-equal to plain sequential decoding."""

import io
import weakref

import numpy as np
import pytest

from ila_jax.data.video import decode as decoding
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import GOOD, H264, sequential, write_video

# Streams where no single frame can be had exactly from packets alone.
SEQUENTIAL = {"mpeg4_b.avi", "vp8.webm", "stream.ts", "mpeg2.mpg"}
# Where decoding can start at the first frame alone; in all others also at frames 12, 24 and 36.
ONE_START = {
    "one_key.mp4",
    "one_frame.mp4",
    "open_groups.mkv",
    "intra_refresh.mkv",
    "hevc.mp4",
    "mpeg4_b.mp4",
}


@pytest.mark.parametrize("name", GOOD)
def test_bit_equal_to_sequential(files, name):
    expected = sequential(files[name])
    index = index_video(files[name].read_bytes())
    assert index.count == len(expected) == GOOD[name].get("count", 40)
    assert index.direct == (name not in SEQUENTIAL)
    rng = np.random.default_rng(0)
    requests = [[k] for k in range(index.count)]
    requests += [rng.integers(0, index.count, rng.integers(1, 9)).tolist() for _ in range(20)]
    requests += [list(range(index.count)), [index.count - 1, 0, 0]]
    for frames in requests:
        got = decode(index, frames)
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, np.stack([expected[k] for k in frames]), str(frames))


@pytest.mark.parametrize("name", sorted(set(GOOD) - SEQUENTIAL))
def test_single_frames_come_from_their_packets(files, name, monkeypatch):
    """The fast way alone gives every frame: the fallback is not what makes the test above pass."""

    def never(*_):
        raise AssertionError("fell back to sequential decoding")

    index = index_video(files[name].read_bytes())
    monkeypatch.setattr(decoding, "_decode_sequential", never)
    for k in range(index.count):
        decode(index, [k])
    assert index.keys.tolist() == ([0] if name in ONE_START else [0, 12, 24, 36])


def test_only_what_is_needed_is_decoded(files):
    index = index_video(files["key_12.mp4"].read_bytes())
    times = {index._packets[i].pts: k for k, i in enumerate(index._packet_of)}

    def decoded(frames):
        runs = [
            decoding._stretch_packets(index, *run) for run in decoding._stretches(index, frames)
        ]
        return [times[f.pts] for run in runs for f in decoding._stretch_frames(index, run)]

    assert decoded([24]) == [24]  # from its key frame, not from the first
    assert decoded([12, 36]) == [12, 36]  # the second key frame lies ahead: a jump
    assert decoded([1]) == [0, 1, 2, 4]  # 1 refers to 0, 2 and 4; nobody asked for 3
    assert decoded([4]) == [0, 4]
    assert len(decoded(range(40))) == 40


def test_times_of_a_varying_frame_rate(files):
    steps = np.random.default_rng(0).integers(10, 90, 40)
    times = index_video(files["varying.mp4"].read_bytes()).times
    np.testing.assert_allclose(np.diff(times), steps[1:] / 600, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"varying.mp4"}))
def test_times_of_a_fixed_frame_rate(files, name):
    times = index_video(files[name].read_bytes()).times
    # 25 a second; WebM counts in whole milliseconds.
    np.testing.assert_allclose(times - times[0], np.arange(len(times)) / 25, atol=1e-3)


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_rotation_is_applied(tmp_path, turn):
    path = write_video(tmp_path / "a.mp4", count=6, rotation=turn, options=H264)
    expected = [np.rot90(f, turn // 90) for f in sequential(path)]
    got = decode(index_video(path.read_bytes()), [4, 1])
    np.testing.assert_array_equal(got, [expected[4], expected[1]])
    assert got.shape[1:3] == ((48, 64) if turn == 180 else (64, 48))


def test_frames_that_are_not_there(files):
    index = index_video(files["one_frame.mp4"].read_bytes())
    for frames in ([1], [-1], []):
        with pytest.raises(IndexError, match="expected some of 0 to 0"):
            decode(index, frames)


@pytest.mark.parametrize("name", ["key_12.mp4", "vp8.webm"])  # one by one, and in sequence
def test_each_is_done_once_a_frame_and_large_frames_are_not_held(files, name):
    index = index_video(files[name].read_bytes())
    images = []

    def corner(image, pixel_aspect):
        images.append(weakref.ref(image))
        assert sum(held() is not None for held in images) <= 2  # this one, and the one before it
        return image[:5, :7].copy()

    frames = [30, 3, 3, 12, 30]
    expected = decode(index, frames)[:, :5, :7]
    np.testing.assert_array_equal(decode(index, frames, transform=corner), expected)
    assert len(images) == 3


def test_bytes_are_enough(files):
    """No path and no open file: what is stored in a record decodes the same."""
    data = io.BytesIO(files["key_12.mp4"].read_bytes()).getvalue()
    index = index_video(data)
    del data
    np.testing.assert_array_equal(decode(index, [7])[0], sequential(files["key_12.mp4"])[7])

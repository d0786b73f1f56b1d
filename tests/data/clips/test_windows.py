"""Windows over a video show what the whole video shows there, and memory does not grow with it."""

import dataclasses
import gc
import os
import tracemalloc

import av
import numpy as np
import pytest

from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.views import Views
from ila_jax.data.clips.windows import Windows, frame_times, video_windows
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import GOOD, H264, write_slow, write_sound, write_video

RECIPE = ClipRecipe(frames=4, size=16, sampling="segments", scales=(1.0,))
VIEWS = Views(recipe=RECIPE, clips=2, crops=3, sampling="fixed", seed=0)
# Times from packets, times by decoding, B-frames, no length in the head, frames of varying length.
FILES = ["one_key.mp4", "varying.mp4", "mpeg4_b.avi", "live.webm", "stream.ts", "one_frame.mp4"]


@pytest.mark.parametrize("name", FILES)
def test_a_window_shows_what_the_whole_video_shows_there(name, tmp_path):
    path = write_video(tmp_path / name, **GOOD[name])
    index = index_video(path.read_bytes())
    np.testing.assert_array_equal(frame_times(path), index.times)
    # They overlap, and the last one is shorter.
    windows = Windows(path, seconds=0.5, stride=0.3)
    covered = set()
    for number, (window, views) in enumerate(windows.with_views(VIEWS)):
        assert window.start == pytest.approx(0.3 * number)
        inside = range(window.first, window.first + window.count)
        times = index.times[list(inside)] - index.times[0]
        assert (times >= window.start).all()
        assert (times < window.start + 0.5).all()
        covered |= set(inside)
        alone = decode(index, inside)
        np.testing.assert_array_equal(views, VIEWS.of_frames(alone))
    assert covered == set(range(index.count))
    assert number + 1 == len(windows)


def test_windows_reach_to_the_end_and_one_without_a_frame_is_left_out():
    times = 5 + 0.1 * np.arange(100)  # 10 seconds
    lengths = [(w.start, w.end, w.first, w.count) for w in video_windows(times, 4.0, 4.0)]
    assert lengths == [(0, 4, 0, 40), (4, 8, 40, 40), (8, pytest.approx(10), 80, 20)]
    gap = np.concatenate([np.arange(10), 30 + np.arange(10)]).astype(float)
    assert [(w.start, w.count) for w in video_windows(gap, 10.0, 10.0)] == [(0, 10), (30, 10)]
    still = video_windows(np.zeros(1), 10.0, 3.0)
    assert [(w.start, w.end, w.count) for w in still] == [(0, 0, 1)]
    # A frame at the very end of a window is the next one's.
    assert [(w.start, w.count) for w in video_windows(np.arange(5.0), 4.0, 4.0)] == [(0, 4), (4, 1)]
    with pytest.raises(ValueError, match="makes more windows than the 100 frames"):
        video_windows(times, 0.01, 0.01)
    # Seven windows, which start at 0, 0.5, … 3: two more than there are frames.
    with pytest.raises(ValueError, match="makes more windows than the 5 frames"):
        video_windows(np.arange(5.0), 1.5, 0.5)


def test_frames_at_a_windows_edge_are_in_the_next():
    """25 a second by a clock of 90,000 ticks that begins at 1.44 s, as in MPEG-TS."""
    times = (129_600 + 3600 * np.arange(75)) / 90_000
    assert np.any(times - times[0] < np.round(times - times[0], 6))
    assert [window.count for window in video_windows(times, 1, 1)] == [25, 25, 25]
    assert [window.count for window in video_windows(times, 0.2, 0.2)] == [5] * 15


def test_windows_do_not_need_a_model_of_few_frames(tmp_path):
    """Random clips are drawn anew for each window, and in any order of their last frames."""
    path = write_video(tmp_path / "clip.mp4", **GOOD["key_12.mp4"])
    views = Views(recipe=RECIPE, clips=3, crops=1, sampling="random", seed=1)
    index = index_video(path.read_bytes())
    windows = Windows(path, seconds=0.8, stride=0.04)
    for number, (window, shown) in enumerate(windows.with_views(views)):
        alone = decode(index, range(window.first, window.first + window.count))
        np.testing.assert_array_equal(shown, views.of_frames(alone, number))


def test_packets_without_times_and_those_that_are_not_shown(tmp_path):
    """A bare stream; and a file whose edit list begins five frames in, as `ffmpeg -ss` copies."""
    bare = write_video(tmp_path / "bare.h264", options=H264)
    whole, cut = write_video(tmp_path / "whole.mp4", **GOOD["key_12.mp4"]), tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                before = round(5 / 25 / packet.time_base)
                packet.pts, packet.dts = packet.pts - before, packet.dts - before
                packet.stream = stream
                out.mux(packet)
    for path, count in ((bare, 40), (cut, 35)):
        index = index_video(path.read_bytes())
        np.testing.assert_array_equal(frame_times(path), index.times)
        ((window, views),) = Windows(path, seconds=2).with_views(VIEWS)
        assert window.count == count
        np.testing.assert_array_equal(views, VIEWS.of_frames(decode(index, range(count))))


def test_what_is_no_video_is_told_in_words(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    write_sound(tmp_path / "sound.mp4")
    whole = write_video(tmp_path / "whole.mp4", **GOOD["key_12.mp4"]).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    for name, words in {
        "missing.mp4": "no file at this path",
        "text.mp4": "no video container",
        "empty.mp4": "The file is empty",
        "sound.mp4": "no video stream",
        "cut.mp4": r"truncated or damaged: .*\. Only \d+ frames are in the file\.",
        ".": "is a folder",
    }.items():
        with pytest.raises(BadVideo, match=words):
            list(Windows(tmp_path / name, seconds=1).with_views(VIEWS))
    windows = Windows(tmp_path / "whole.mp4", seconds=1)
    windows._times = np.append(windows._times, 9.0)
    with pytest.raises(BadVideo, match="41 frames promised, 40 decode"):
        list(windows.with_views(VIEWS))
    for lengths in ({"seconds": 0}, {"seconds": float("nan")}, {"seconds": 1, "stride": -1}):
        with pytest.raises(ValueError, match="expected more than 0"):
            Windows(tmp_path / "whole.mp4", **lengths)


def test_the_time_limit_is_for_the_next_frame(tmp_path):
    # So many frames that a limit is seen to be over before all are counted, on a busy machine too.
    path = write_slow(tmp_path / "slow.webm", count=30)
    with pytest.raises(BadVideo, match=r"No frame came for 0\.001 s\.") as caught:
        Windows(path, seconds=1, step_limit=0.001)
    assert caught.value.reason == Reason.TOO_SLOW
    windows = Windows(path, seconds=0.04)
    windows._step_limit = 0.001
    with pytest.raises(BadVideo, match="No frame came"):
        list(windows.with_views(VIEWS))


def test_a_pipe_is_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", "/dev/zero"):
        with pytest.raises(BadVideo, match="a pipe, a socket or a device") as caught:
            Windows(path, seconds=1)
        assert caught.value.reason == Reason.NOT_A_FILE


def test_memory_does_not_grow_with_the_length(tmp_path):
    """What Python and NumPy hold at most of a video eight times as long: times, no pictures."""
    large = dataclasses.replace(VIEWS, recipe=dataclasses.replace(RECIPE, size=32))

    def peak(count):
        path = write_video(tmp_path / f"{count}.mp4", count=count, **GOOD["key_12.mp4"])
        windows = Windows(path, seconds=1)
        gc.collect()
        tracemalloc.start()
        assert sum(1 for _ in windows.with_views(large)) == len(windows) == count // 25
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return largest

    short, long = peak(250), peak(2000)
    shrunk = 32 * 43 * 3  # of which 8 are looked at in each of 80 windows
    assert long - short < 50 * shrunk

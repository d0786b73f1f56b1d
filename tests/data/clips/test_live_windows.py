"""Windows of live pictures: those of a file, the newest first, and an end in words."""

import threading

import numpy as np
import pytest

from ila_jax.data.clips.live_windows import LiveWindow, LiveWindows, WindowCutter
from ila_jax.data.clips.windows import video_windows
from ila_jax.data.video.live import LivePicture
from ila_jax.data.video.live_source import LiveProblem


def picture(k, time, size=4):
    return LivePicture(time, 1000.0 + time, np.full((size, 4, 3), k, np.uint8))


def numbers(window):
    return [int(pixels[0, 0, 0]) for pixels in window.pictures]


@pytest.mark.parametrize(("seconds", "stride"), [(2.0, 1.0), (1.0, 1.0), (0.5, 0.7), (0.6, 0.25)])
def test_windows_are_those_of_a_file(seconds, stride):
    times = 7.0 + np.cumsum(np.random.default_rng(0).uniform(0.01, 0.07, 200))
    cutter = WindowCutter(seconds, stride)
    cut = [w for k, t in enumerate(times.tolist()) if (w := cutter.add(picture(k, t)))]
    # But for the last, which is not complete until a later picture comes.
    last = times[-1] - times[0]
    expected = [w for w in video_windows(times, seconds, stride) if w.start + seconds <= last]
    assert len(cut) == len(expected) > 3
    for mine, theirs in zip(cut, expected, strict=True):
        assert numbers(mine) == list(range(theirs.first, theirs.first + theirs.count))
        assert (mine.start, mine.end) == pytest.approx((theirs.start, theirs.end))
        assert mine.captured == 1000.0 + times[theirs.first + theirs.count - 1]


def test_no_window_reaches_over_a_gap_or_a_break():
    cutter = WindowCutter(1.0, 1.0, offset=5.0)
    assert [cutter.add(picture(k, 0.25 * k)) for k in range(4)] == 4 * [None]
    assert numbers(cutter.add(picture(4, 1.0))) == [0, 1, 2, 3]
    assert numbers(cutter.add(picture(5, 9.5))) == [4]
    assert numbers(cutter.add(picture(6, 10.1))) == [5]
    for changed in (picture(7, 3.0), picture(8, 3.9, size=6)):  # the clock, then the size
        assert cutter.add(changed) is None
    assert cutter.add(picture(9, 4.4, size=6)) is None
    window = cutter.add(picture(10, 4.9, size=6))
    assert numbers(window) == [8, 9]
    assert (window.start, window.end) == pytest.approx((15.1, 16.1))  # 5 + 10.1, and on


def test_frames_at_the_edges_of_windows_are_in_those_of_a_file():
    times = np.arange(200) / 20
    cutter = WindowCutter(0.7, 0.1)
    cut = [w for k, t in enumerate(times.tolist()) if (w := cutter.add(picture(k, t)))]
    expected = {round(w.start, 6): w for w in video_windows(times, 0.7, 0.1)}
    assert len(cut) > 50
    for window in cut:
        theirs = expected[window.start]
        assert numbers(window) == list(range(theirs.first, theirs.first + theirs.count))


def test_what_came_before_a_gap_is_still_cut():
    cutter = WindowCutter(2.0, 1.0)
    times = [0.0, 0.5, 1.0, 1.5]
    assert [cutter.add(picture(k, t)) for k, t in enumerate(times)] == 4 * [None]
    window = cutter.add(picture(4, 10.0))
    assert numbers(window) == [2, 3]  # the newest that holds any: from second 1 to 3
    assert (window.number, window.start, window.captured) == (1, 1.0, 1001.5)
    assert cutter.add(picture(5, 10.5)) is None
    assert numbers(cutter.add(picture(6, 11.0))) == [4, 5]


def test_pictures_that_no_window_needs_are_let_go():
    cutter, pixels = WindowCutter(1.0, 0.5), np.zeros((4, 4, 3), np.uint8)
    for k in range(20_000):
        cutter.add(LivePicture(k / 100, 0.0, pixels))
    assert len(cutter._held) <= 100
    for k in range(10_000):  # a stream that claims to have them all in one second
        cutter.add(LivePicture(1000 + k * 1e-5, 0.0, pixels))
    assert len(cutter._held) == 4096


class Feed:
    """A source whose pictures a test hands out; an exception is raised, None is its end."""

    def __init__(self, *connections):
        self.connections = list(connections)
        self.handed = threading.Semaphore(0)

    def __call__(self):
        for item in self.connections.pop(0):
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            if item == "wait":
                self.handed.acquire()
            else:
                yield item


def seconds_of(*times):
    return [picture(t, float(t)) for t in times]


def test_a_slow_model_skips_and_gets_the_newest():
    last = threading.Event()

    def connect():
        yield from seconds_of(0, 1)
        asked.wait()  # the model has the first window now
        yield from seconds_of(2, 3, 4, 5)
        last.set()
        done.wait()

    asked, done = threading.Event(), threading.Event()
    windows = LiveWindows(connect, seconds=1.0, stride=1.0)
    iterator = iter(windows)
    assert numbers(next(iterator)) == [0]
    asked.set()
    last.wait()  # so long the model works with it
    assert numbers(next(iterator)) == [4]
    assert (windows.skipped, windows.pictures, windows.reconnections) == (3, 6, 0)
    done.set()
    assert list(iterator) == []


def test_windows_that_a_pause_of_the_stream_leaves_out_are_not_skipped():
    feed = Feed([*seconds_of(0, 1), "wait", *seconds_of(9, 10), "wait", None])
    windows = LiveWindows(feed, seconds=1.0, stride=1.0)
    iterator = iter(windows)
    assert numbers(next(iterator)) == [0]
    feed.handed.release()
    assert numbers(next(iterator)) in ([1], [9])  # the one before the pause, or the newest
    feed.handed.release()
    assert len(list(iterator)) + windows.skipped == 1


def test_a_stream_that_breaks_off_is_connected_to_again():
    broken = LiveProblem("cut off")
    feed = Feed([*seconds_of(0, 1), "wait", broken], [broken], [*seconds_of(40, 41), "wait", None])
    windows = LiveWindows(feed, seconds=1.0, stride=1.0, pause=0.0)
    iterator = iter(windows)
    assert numbers(next(iterator)) == [0]
    feed.handed.release()
    window = next(iterator)
    assert numbers(window) == [40]
    assert (window.start, window.end) == (40.0, 41.0)
    feed.handed.release()
    assert list(iterator) == []
    assert (windows.reconnections, windows.pictures) == (1, 4)


def test_what_was_never_there_ends_at_once():
    windows = LiveWindows(Feed([LiveProblem("no camera")]), seconds=1.0, stride=1.0)
    with pytest.raises(LiveProblem, match=r"^no camera$"):
        next(iter(windows))


@pytest.mark.parametrize("stalled", [True, False])
def test_a_stalled_and_a_lost_stream_end_in_words(stalled):
    now, asked, waits = [0.0], threading.Event(), threading.Event()

    def connect():
        if asked.is_set():
            raise LiveProblem("refused")
        yield from seconds_of(0, 1)
        asked.wait()
        if stalled:
            waits.wait()
        raise LiveProblem("cut off")

    windows = LiveWindows(connect, seconds=1.0, stride=1.0, pause=0.001, clock=lambda: now[0])
    iterator = iter(windows)
    next(iterator)
    asked.set()
    now[0] = 29.0  # not yet: the limit is 30 s
    windows._check_patience()
    now[0] = 31.0
    with pytest.raises(LiveProblem, match="no picture has come for 30 s") as error:
        next(iterator)
    if not stalled:
        assert "cut off" in str(error.value) or "refused" in str(error.value)
    waits.set()


def test_errors_of_the_reader_reach_whoever_asks():
    windows = LiveWindows(
        Feed([*seconds_of(0, 1), MemoryError("of the reader")]), seconds=1, stride=1
    )
    iterator = iter(windows)
    assert isinstance(next(iterator), LiveWindow)
    with pytest.raises(MemoryError, match="of the reader"):
        next(iterator)


@pytest.mark.parametrize(
    ("seconds", "stride", "words"),
    [
        (0.0, 1.0, "a window is 0 seconds: expected more than 0"),
        (1.0, 0.0, "the stride of windows is 0 seconds"),
        (61.0, 1.0, "windows of 61 s, every 1 s: of a live stream expected up to 60 s"),
    ],
)
def test_lengths_that_make_no_windows_are_refused(seconds, stride, words):
    with pytest.raises(ValueError, match=words):
        LiveWindows(Feed(), seconds=seconds, stride=stride)

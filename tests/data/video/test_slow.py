"""Videos that take too long."""

import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ila_jax.data.clips.pipeline import Loading, evaluation_batches, train_batches
from ila_jax.data.clips.reading import TooSlow, VideoReader
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.limits import Progress, Unfinished, within
from tests.data.videos import write_slow, write_video

RECIPE = ClipRecipe(frames=2, size=28, sampling="interval", scales=(1.0,))
HANGS = 3
# Enough for a good video on a machine that has other work to do.
SECONDS = 2.0


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> ListSource:
    """8 videos of 2 classes, i % 2 is the class of video i; one of them takes minutes."""
    folder = tmp_path_factory.mktemp("slow")
    for i in range(8):
        path = folder / f"{i}.mp4"
        if i == HANGS:
            write_slow(path)
        else:
            write_video(path, count=4, offset=i)
    return ListSource([LabelledFile(str(folder / f"{i}.mp4"), i % 2) for i in range(8)])


@pytest.fixture(scope="module")
def replaced(source, tmp_path_factory) -> ListSource:
    """The same videos with none where one is slow: what batches should be with any bad file."""
    nothing = tmp_path_factory.mktemp("nothing") / "there.mp4"
    names = [str(nothing) if i == HANGS else source.name(i) for i in range(8)]
    return ListSource([LabelledFile(name, i % 2) for i, name in enumerate(names)])


def train(source, *, on_bad="replace", **loading):
    settings = Loading(**{"batch": 2, "time_limit": SECONDS} | loading)
    return train_batches(source, RECIPE, settings, seed=0, first_step=1, steps=7, on_bad=on_bad)


def assert_slow(batches, expected):
    """Equal to batches with files that are missing, but for the reason."""
    listed = set()
    for one, other in zip(batches, expected, strict=True):
        for key in set(other) - {"bad"}:
            np.testing.assert_array_equal(one[key], other[key], key)
        np.testing.assert_array_equal(one["bad"][..., 0], other["bad"][..., 0])
        rows = one["bad"].reshape(-1, 2)
        listed |= {tuple(row) for row in rows[rows[:, 0] >= 0].tolist()}
    assert listed == {(HANGS, Reason.TOO_SLOW)}


@pytest.mark.parametrize(
    ("threads", "processes"), [(0, 1), pytest.param(1, 2, marks=pytest.mark.slow)]
)
def test_with_processes_the_run_goes_on(source, replaced, threads, processes):
    batches = list(train(source, threads=threads, processes=processes))
    assert_slow(batches, list(train(replaced)))
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_an_evaluation_with_processes_goes_on(source, replaced):
    batches = list(evaluation_batches(source, RECIPE, Loading(3, processes=1, time_limit=SECONDS)))
    assert_slow(batches, list(evaluation_batches(replaced, RECIPE, Loading(3))))


@pytest.mark.slow
def test_fail_names_the_slow_video(source):
    with pytest.raises(BadVideo, match=r"longer than data.time_limit.*/3\.mp4") as caught:
        list(train(source, processes=1, on_bad="fail"))
    assert caught.value.reason == Reason.TOO_SLOW


THREADS = """
import sys
from ila_jax import commands
from tests.data.video.test_slow import ListSource, LabelledFile, train
source = ListSource([LabelledFile(sys.argv[1], 0)] * 2)
commands.leave(commands.run(lambda: next(train(source, threads=int(sys.argv[2]), time_limit=0.2))))
"""


@pytest.mark.parametrize("threads", ["0", "2"])
def test_without_processes_it_is_named_and_the_process_can_end(source, threads):
    name = source.name(HANGS)
    run = subprocess.run(
        [sys.executable, "-c", THREADS, name, threads],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    assert run.returncode == 1
    # The thread that decodes is left behind: nothing but this is said when the process ends.
    error = f"error: {name} was not read and decoded in 0.2 s (data.time_limit)"
    assert run.stderr.startswith(error)
    assert "data.processes" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_decoder_that_takes_its_time(tmp_path):
    """Not reading, but decoding. It waits for the test: no decoder is slow on every machine."""
    path = write_video(tmp_path / "long.mp4", count=4)
    reader = VideoReader(ListSource([LabelledFile(str(path), 0)]), time_limit=0.05)
    given_up = threading.Event()

    def decode(data):
        return RECIPE.evaluation_clip(data, np.arange(2)), given_up.wait(60)

    with pytest.raises(TooSlow) as caught:
        reader(0, decode)
    given_up.set()
    assert (caught.value.index, caught.value.name) == (0, str(path))
    with pytest.raises(BadVideo) as caught:
        reader.without(0)(0, len)
    assert caught.value.reason == Reason.TOO_SLOW
    assert reader.without(0).without(5).slow == {0, 5}


def test_what_work_raises_is_raised():
    assert within(10, lambda: 3) == 3
    with pytest.raises(TimeoutError, match="the disk"):  # not taken for work that did not end
        within(10, lambda: (_ for _ in ()).throw(TimeoutError("the disk")))
    pipe = os.pipe()
    with pytest.raises(Unfinished):
        within(0.05, lambda: os.read(pipe[0], 1))
    for end in reversed(pipe):
        os.close(end)


class Steps(Progress):
    """A progress whose clock is set by hand: a busy machine pauses where no test expects it."""

    def __init__(self, *idle: float):
        super().__init__()
        self._idle = iter(idle)
        self.over = threading.Event()  # set when it is asked once more than there are times

    def idle(self) -> float:
        seconds = next(self._idle, None)
        if seconds is None:
            self.over.set()
        return seconds or 0.0


def test_work_that_goes_on_step_by_step_may_take_longer_than_the_limit():
    steps, stuck = Steps(0.0, 0.01, 0.049), threading.Event()
    assert within(0.05, lambda: steps.over.wait(60), steps)  # four times the limit
    with pytest.raises(Unfinished):
        within(0.05, stuck.wait)
    with pytest.raises(Unfinished):
        within(0.05, stuck.wait, Steps(0.0, 0.06))
    stuck.set()


def test_progress_counts_from_the_last_step(monkeypatch):
    seconds = iter([10.0, 10.5, 12.0, 12.25])
    monkeypatch.setattr(limits.time, "monotonic", lambda: next(seconds))
    progress = Progress()
    assert progress.idle() == 0.5
    progress()
    assert progress.idle() == 0.25


def test_work_that_is_late_does_not_answer_the_next():
    late = threading.Event()
    with pytest.raises(Unfinished):
        within(0.05, late.wait)
    late.set()
    assert [within(10, lambda k=k: k) for k in range(3)] == [0, 1, 2]


def test_the_thread_that_works_is_one_and_ends_with_the_one_that_waits():
    def workers():
        return {within(10, threading.current_thread) for _ in range(3)}

    with ThreadPoolExecutor(1) as pool:
        (worker,) = pool.submit(workers).result()
    worker.join(10)
    assert not worker.is_alive()


def test_a_bad_video_leaves_nothing_in_memory():
    class Packets:
        def raise_bad(self):
            raise BadVideo(Reason.DAMAGED)

    def read():
        packets = Packets()
        with pytest.raises(BadVideo):
            within(10, packets.raise_bad)
        return weakref.ref(packets)

    gc.disable()  # whatever is left in a circle stays
    try:
        left = read()
        for _ in range(100):  # until the worker has put it down
            if left() is None:
                break
            time.sleep(0.05)
        assert left() is None
    finally:
        gc.enable()

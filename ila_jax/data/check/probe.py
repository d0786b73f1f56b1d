"""Decoding a few videos in processes that can be ended, so that no file stops who asks."""

import hashlib
import multiprocessing
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np
from tqdm import tqdm

from ila_jax.data.clips.sampling import interval
from ila_jax.data.sources.source import VideoSource
from ila_jax.data.video.bad import BadVideo, errors_as_bad_video
from ila_jax.data.video.decode import decode, index_video

_FRAMES = 8  # decoded of each video, spread over it
# The kernel ends a process at its time limit; one that waits for a disk may not even hear that.
_GRACE = 30.0


@dataclass(frozen=True)
class Probed:
    """What decoding a video found.

    problem: why it cannot be used, or None. fatal: it did not even fail, but hung or crashed.
    seconds: from the first frame to the end of the last. size: bytes of the file. digest: sha256.
    pixels: width to height of one, such as 16:15, or "" where they are square.
    """

    index: int
    problem: str | None = None
    fatal: bool = False
    frames: int = 0
    seconds: float = 0.0
    width: int = 0
    height: int = 0
    size: int = 0
    digest: str = ""
    pixels: str = ""


def probe(
    source: VideoSource, indices: Iterable[int], *, limit: float, processes: int
) -> list[Probed]:
    """Reads and decodes videos of a source, each for at most `limit` seconds.

    processes: how many at once; spawned, so a script needs its `if __name__ == "__main__":`. They
    end with the call, however it ends.
    """
    todo = list(indices)
    total, found = len(todo), list[Probed]()
    workers = [_Worker(source, limit) for _ in range(min(processes, total))]
    try:
        with tqdm(total=total, desc="decoding a sample", unit=" videos", delay=2) as bar:
            while len(found) < total:
                for worker in workers:
                    if worker.index is None and todo:
                        worker.ask(todo.pop())
                busy = {worker.pipe: worker for worker in workers if worker.index is not None}
                ready = wait(list(busy), timeout=1.0)
                done = [
                    worker.answer()
                    for pipe, worker in busy.items()
                    if pipe in ready or worker.is_late()
                ]
                found += done
                bar.update(len(done))
    finally:
        for worker in workers:
            worker.end()
    return sorted(found, key=lambda one: one.index)


class _Worker:
    """A process that decodes one video after the other, and is made anew when one ends it."""

    def __init__(self, source: VideoSource, limit: float) -> None:
        self._source, self._limit = source, limit
        self.index: int | None = None  # of the video that it decodes
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        arguments = (self._source, theirs, self._limit)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # or its end would not be seen here

    def ask(self, index: int) -> None:
        if self.pipe.closed:
            self._start()
        self.index, self._asked = index, time.monotonic()
        self.pipe.send(index)

    def is_late(self) -> bool:
        return time.monotonic() - self._asked > self._limit + _GRACE

    def answer(self) -> Probed:
        """What it found, or how the video ended it."""
        index, self.index = self.index, None
        assert index is not None
        late = not self.pipe.poll()
        try:
            if not late:
                return self.pipe.recv()
        except (EOFError, OSError):
            self._process.join()  # it is gone
        self.end()
        return Probed(index, self._how_it_ended(late), fatal=True)

    def _how_it_ended(self, late: bool) -> str:
        code = self._process.exitcode
        if late or code == -signal.SIGALRM:
            return f"Reading and decoding it did not end within {self._limit:g} seconds."
        lack = ": perhaps for lack of memory" if code == -signal.SIGKILL else ""
        return f"The decoder crashed (exit code {code}{lack})."

    def end(self) -> None:
        self.pipe.close()
        self._process.kill()
        self._process.join()


def _serve(source: VideoSource, pipe: Connection, limit: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this
    # The default action: the kernel ends the process, whatever a decoder is doing, and whether
    # the parent is still there or not.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    while True:
        try:
            index = pipe.recv()
        except EOFError:
            return  # the parent is done, or gone
        signal.setitimer(signal.ITIMER_REAL, limit)
        found = _probe(source, index)
        signal.setitimer(signal.ITIMER_REAL, 0)
        pipe.send(found)


def _probe(source: VideoSource, index: int) -> Probed:
    try:
        return _found(source, index)
    except BadVideo as error:
        return Probed(index, str(error))


@errors_as_bad_video()
def _found(source: VideoSource, index: int) -> Probed:
    data = source.read(index)
    facts: dict[str, Any] = {"size": len(data), "digest": hashlib.sha256(data).hexdigest()}
    video = index_video(data)
    # Shapes instead of pictures: eight frames of 8K are 800 MB.
    shapes = decode(video, interval(video.count, _FRAMES), transform=_shape)
    height, width, wide, high = shapes[0].tolist()
    facts["pixels"] = "" if wide == high else f"{wide}:{high}"
    # The last frame lasts as long as the others do on average.
    shown = float(video.times[-1] - video.times[0])
    seconds = shown * video.count / (video.count - 1) if video.count > 1 else 0.0
    return Probed(index, frames=video.count, seconds=seconds, width=width, height=height, **facts)


def _shape(image: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
    return np.array([*image.shape[:2], pixel_aspect.numerator, pixel_aspect.denominator])

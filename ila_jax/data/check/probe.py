"""Decoding a few videos in processes that can be ended, so that no file stops who asks."""

import hashlib
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from tqdm import tqdm

from ila_jax.data.clips.sampling import interval
from ila_jax.data.sources.source import VideoSource
from ila_jax.data.video.bad import BadVideo, Reason, errors_as_bad_video
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.workers import pool
from ila_jax.data.workers.pool import NO_ITEM, Loss

_FRAMES = 8  # decoded of each video, spread over it


@dataclass(frozen=True)
class ProbedVideo:
    """What decoding a video has shown.

    index: of the video in its source. problem: why it cannot be used, or None. fatal: it did not
    even fail, but hung or crashed. seconds: from the first frame to the end of the last. size:
    bytes of the file. digest: sha256. pixels: width to height of one, such as 16:15, or "" where
    they are square.
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
) -> list[ProbedVideo]:
    """Reads and decodes videos of a source, each for at most `limit` seconds; by index, ascending.

    processes: how many at once; spawned, so a script needs its `if __name__ == "__main__":`. They
    end with the call, however it ends.
    """
    todo = list(indices)
    # Once each: what does not decode within its time is told, and a second try would double it.
    results = pool.run(_Probing(source, limit), todo, processes=processes, limit=limit, attempts=1)
    with (
        closing(results),
        tqdm(results, "decoding a sample", total=len(todo), unit=" videos", delay=2) as bar,
    ):
        return sorted((probed for _, probed in bar), key=lambda probed: probed.index)


@dataclass(frozen=True)
class _Probing:
    """Work for `workers.pool`: decodes one video. limit: seconds that it has."""

    source: VideoSource
    limit: float

    def __call__(
        self, index: int, skip: Mapping[int, Loss], begin: Callable[[int], None]
    ) -> ProbedVideo:
        # With one attempt, a video that is skipped is one that has just ended its process.
        if index in skip:
            return ProbedVideo(index, how_it_ended(skip[index], self.limit), fatal=True)
        start = time.monotonic()
        begin(index)
        probed = _probe(self.source, index)
        begin(NO_ITEM)
        # The parent looks at the clock from time to time: what ended meanwhile was late as well.
        if time.monotonic() - start > self.limit:
            return ProbedVideo(index, _too_slow(self.limit), fatal=True)
        return probed


def _too_slow(limit: float) -> str:
    return f"Reading and decoding it did not end within {limit:g} seconds."


def how_it_ended(loss: Loss, limit: float) -> str:
    """A sentence about a process that a video ended. limit: seconds that it had."""
    if loss.reason is Reason.TOO_SLOW:
        return _too_slow(limit)
    # Nobody but a person, or Linux when memory runs out, ends a process so.
    lack = ": perhaps for lack of memory" if loss.exit_code == -signal.SIGKILL else ""
    return f"The decoder crashed (exit code {loss.exit_code}{lack})."


def _probe(source: VideoSource, index: int) -> ProbedVideo:
    """What decoding shows, of a bad video its problem."""
    try:
        return _decoded(source, index)
    except BadVideo as error:
        return ProbedVideo(index, str(error))


@errors_as_bad_video()
def _decoded(source: VideoSource, index: int) -> ProbedVideo:
    # Reading and decoding together have the limit, as in training.
    data = source.read(index)
    facts: dict[str, Any] = {"size": len(data), "digest": hashlib.sha256(data).hexdigest()}
    video = index_video(data)
    # Shapes instead of pictures: eight frames of 8K are 800 MB.
    shapes = decode(video, interval(video.count, _FRAMES), transform=_shape)
    height, width, wide, high = shapes[0].tolist()
    facts["pixels"] = "" if wide == high else f"{wide}:{high}"
    # The last frame lasts as long as the others do on average.
    span = float(video.times[-1] - video.times[0])
    seconds = span * video.count / (video.count - 1) if video.count > 1 else 0.0
    return ProbedVideo(
        index, frames=video.count, seconds=seconds, width=width, height=height, **facts
    )


def _shape(image: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
    """(height, width, and a pixel's width to height as two numbers), int64 [4]."""
    return np.array([*image.shape[:2], pixel_aspect.numerator, pixel_aspect.denominator])

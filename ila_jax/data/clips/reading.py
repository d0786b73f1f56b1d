"""Reads a video and makes something of it, within a time limit."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ila_jax.data.sources.source import VideoSource
from ila_jax.data.video.bad import BadVideo, Reason, errors_as_bad_video
from ila_jax.data.video.limits import Unfinished, within

_T = TypeVar("_T")


class TooSlow(RuntimeError):
    """A video that was not read and decoded in time; its thread is lost to the process.

    It is no BadVideo, since one cannot simply go on to the next video: the thread ends only with
    its process, and so whoever loads has to start another one.
    """

    def __init__(self, index: int, name: str, seconds: float) -> None:
        super().__init__(index, name, seconds)  # all, so that it survives pickling
        self.index, self.name, self.seconds = index, name, seconds

    def __str__(self) -> str:
        return (
            f"{self.name} was not read and decoded in {self.seconds:g} s (data.time_limit), and a "
            "decoder that hangs can only be ended with its process. Take the file off the list, or "
            "load with processes (data.processes or --processes, 1 or more): then the file is "
            "listed as bad and the run goes on"
        )


@dataclass(frozen=True)
class VideoReader:
    """Reads videos of a source by number.

    time_limit: seconds for reading one video and making something of it. slow: the numbers of the
    videos that have taken longer; they are bad without being read once more.
    """

    source: VideoSource
    time_limit: float
    slow: frozenset[int] = frozenset()

    def __call__(self, index: int, convert: Callable[[bytes], _T]) -> _T:
        """What `convert` makes of the bytes of a video. Errors: BadVideo; TooSlow."""
        if index in self.slow:
            raise BadVideo(Reason.TOO_SLOW, f"It took over {self.time_limit:g} s.")
        # Reading is inside of the limit as well: a file system can hang as a decoder can.
        try:
            return within(self.time_limit, lambda: self._read_and_convert(index, convert))
        except Unfinished:
            raise TooSlow(index, self.source.name(index), self.time_limit) from None

    @errors_as_bad_video()
    def _read_and_convert(self, index: int, convert: Callable[[bytes], _T]) -> _T:
        return convert(self.source.read(index))

    def without(self, index: int) -> "VideoReader":
        """The same reader with one more video that is known to be slow."""
        return dataclasses.replace(self, slow=self.slow | {index})

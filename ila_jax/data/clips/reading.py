"""Reads a video and makes something of it, within a time limit."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ila_jax.data.sources.source import VideoSource
from ila_jax.data.video.bad import BadVideo, Reason, its_fault
from ila_jax.data.video.limits import Unfinished, within

_T = TypeVar("_T")


class TooSlow(RuntimeError):
    """A video that was not read and decoded in time; its thread is lost to the process."""

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
class Reader:
    """Videos of a source. time_limit: seconds for one. slow: those known to take longer."""

    source: VideoSource
    time_limit: float
    slow: frozenset[int] = frozenset()

    def __call__(self, index: int, make: Callable[[bytes], _T]) -> _T:
        """What `make` makes of the bytes of a video. Errors: BadVideo; TooSlow."""
        if index in self.slow:
            raise BadVideo(Reason.TOO_SLOW, f"It took over {self.time_limit:g} s.")
        try:
            return within(self.time_limit, lambda: self._made(index, make))
        except Unfinished:
            raise TooSlow(index, self.source.name(index), self.time_limit) from None

    @its_fault()
    def _made(self, index: int, make: Callable[[bytes], _T]) -> _T:
        return make(self.source.read(index))

    def without(self, index: int) -> "Reader":
        """The same with one more video known to be slow."""
        return dataclasses.replace(self, slow=self.slow | {index})

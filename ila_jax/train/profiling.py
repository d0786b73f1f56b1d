"""A trace of some steps of a run, for xprof or Perfetto."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax

from ila_jax.files.plain_name import plain_name

# The first step of a start is compiled, and the second is still let wait for it.
_WARM = 2


class Window(NamedTuple):
    """Steps to trace, as the run counts them in its log. first: None is once the run is warm."""

    first: int | None
    length: int

    def steps(self, at: int) -> range:
        """The steps for a run that starts after step `at`."""
        first = at + _WARM + 1 if self.first is None else self.first
        return range(first, first + self.length)


def window(text: str) -> Window:
    """From `STEPS` or `FIRST:LAST`, both included. Errors: ValueError."""
    found = re.fullmatch(r"(?:(\d+):)?(\d+)", text)
    if found is not None:
        first, last = None if found[1] is None else int(found[1]), int(found[2])
        length = last if first is None else last - first + 1
        if length > 0 and first != 0:
            return Window(first, length)
    raise ValueError(
        f"--profile is {text!r}: expected a number of steps, such as 5, or the first and the last "
        "of them, such as 100:104"
    )


class Profile:
    """Traces the steps of a window into a folder. Close it, or a trace that is cut short is lost.

    steps: may be empty.
    """

    def __init__(self, folder: Path, steps: range, say: Callable[[str], None]):
        self._folder, self._steps, self._say = folder, steps, say
        self._running = False

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Around the dispatch of a step."""
        if number in self._steps and not self._running:
            jax.profiler.start_trace(str(plain_name(self._folder)))
            self._running = True
        with jax.profiler.StepTraceAnnotation("train", step_num=number):
            yield

    def stepped(self, number: int, outputs: Any) -> None:
        """A step has been dispatched; the last of the trace is waited for."""
        if self._running and number >= self._steps[-1]:
            jax.block_until_ready(outputs)
            self.close()

    def close(self) -> None:
        if self._running:
            self._running = False
            jax.profiler.stop_trace()
            self._say(f"the trace is in {self._folder}: look at it with xprof or TensorBoard")

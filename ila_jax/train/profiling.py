"""A trace of some steps of a run, for xprof or Perfetto."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax

from ila_jax.files.plain_name import plain_name

# Steps of a start that no trace should show: the first is compiled, and the second still waits
# for it.
_WARM_UP_STEPS = 2


class ProfiledSteps(NamedTuple):
    """Which steps to trace, as the log counts them, from 1.

    first: None is the first one once the run is warm. length: how many.
    """

    first: int | None
    length: int

    def steps(self, done: int) -> range:
        """The numbers of the steps to trace in a run that starts after `done` steps."""
        first = done + _WARM_UP_STEPS + 1 if self.first is None else self.first
        return range(first, first + self.length)


def parse_profiled_steps(text: str) -> ProfiledSteps:
    """Reads `STEPS` or `FIRST:LAST`, both included. Errors: ValueError."""
    match = re.fullmatch(r"(?:(\d+):)?(\d+)", text)
    if match is not None:
        first, last = None if match[1] is None else int(match[1]), int(match[2])
        length = last if first is None else last - first + 1
        if length > 0 and first != 0:
            return ProfiledSteps(first, length)
    raise ValueError(
        f"--profile is {text!r}: expected a number of steps, such as 5, or the first and the last "
        "of them, such as 100:104"
    )


class Profile:
    """Traces some steps into a folder. Close it, or a trace that is cut short is lost.

    steps: their numbers, which may be none. say: is told where the trace is.
    """

    def __init__(self, folder: Path, steps: range, say: Callable[[str], None]):
        self._folder, self._steps, self._say = folder, steps, say
        self._running = False

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Surrounds the dispatch of a step, and starts the trace before the first of them."""
        if number in self._steps and not self._running:
            jax.profiler.start_trace(str(plain_name(self._folder)))
            self._running = True
        with jax.profiler.StepTraceAnnotation("train", step_num=number):
            yield

    def stepped(self, number: int, outputs: Any) -> None:
        """A step has been dispatched: after the last of the trace, waits for it and closes."""
        if self._running and number >= self._steps[-1]:
            # The device is still at work on it: a trace that ended now would miss that.
            jax.block_until_ready(outputs)
            self.close()

    def close(self) -> None:
        """Writes the trace, if one is running."""
        if self._running:
            self._running = False
            jax.profiler.stop_trace()
            self._say(f"the trace is in {self._folder}: look at it with xprof or TensorBoard")

"""A trace of some steps of a run, for xprof or Perfetto."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from ila_jax.files.plain_name import plain_name


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

"""Which steps of a run to trace, as --profile says it; read before jax is loaded."""

import re
from typing import NamedTuple

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

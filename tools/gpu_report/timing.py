"""Seconds of a call on a device that works asynchronously."""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

# A sample lasts at least so many seconds, so that neither the clock nor the start of the first
# kernel shows in it, and is at least so many calls, as the host of a training loop is ahead of the
# device; but calls of more than a second, which hide all that, are timed one by one.
_SAMPLE = 0.1
_FEWEST, _MOST = 3, 50
_LONG = 1.0


def sampled(call: Callable[[], object], wait: Callable[[], None], *, samples: int) -> list[float]:
    """Seconds of one call, `samples` times.

    Each sample is the mean of some calls, one after the other without waiting in between, as in a
    loop of training. call: starts the work. wait: returns when all of it is done.
    """
    _once(call, wait, 1)  # compiles, or chooses kernels
    second = _once(call, wait, 1)  # fills caches, which does not show in a long call
    if second > _LONG:
        return [second, *(_once(call, wait, 1) for _ in range(samples - 1))]
    one = max(_once(call, wait, 1), 1e-6)
    chain = min(max(math.ceil(_SAMPLE / one), _FEWEST), _MOST)
    return [_once(call, wait, chain) for _ in range(samples)]


def _once(call: Callable[[], object], wait: Callable[[], None], chain: int) -> float:
    begin = time.perf_counter()
    for _ in range(chain):
        call()
    wait()
    return (time.perf_counter() - begin) / chain


def summary(seconds: list[float], *, clips: int) -> dict[str, Any]:
    """What a row says of its samples: their median as clips a second, and how far they spread."""
    median = statistics.median(seconds)
    return {
        "clips_per_second": clips / median,
        "step_ms": 1e3 * median,
        "spread": (max(seconds) - min(seconds)) / median,
        "samples": len(seconds),
    }

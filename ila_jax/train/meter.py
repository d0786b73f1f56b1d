"""What a run measures of itself between two log lines."""

import time
from typing import Any

import jax


def named(metrics: dict[str, Any]) -> dict[str, float]:
    """Values by name: of parts of the model `norm/part`, of blocks `loss/block0`."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            stem = name.removesuffix("_of")
            found |= {f"{stem}/{part}": float(each) for part, each in value.items()}
        elif value.ndim:
            stem = name.removesuffix("_of_block")
            found |= {f"{stem}/block{i}": float(each) for i, each in enumerate(value)}
        else:
            found[name] = float(value)
    return found


class Meter:
    """Where the time goes between two log lines."""

    def __init__(self, batch: int):
        self._batch = batch
        self._last: Any = None
        self._wait, self._steps = 0.0, 0
        self._begin = self._ready = time.perf_counter()

    def waited(self) -> None:
        """The next batch is there."""
        self._wait += time.perf_counter() - self._ready

    def stepped(self, outputs: Any) -> Any:
        """A step has been dispatched: waits for the one before it, and returns its outputs.

        So the host runs one step ahead, and no batches pile up on the device. None at first.
        """
        if self._last is None:  # the first step was compiled: that is no rate
            jax.block_until_ready(outputs)
            self._begin, self._wait, self._steps = time.perf_counter(), 0.0, -1
        before = jax.block_until_ready(self._last)
        self._last = outputs
        self._steps += 1
        self._ready = time.perf_counter()
        return before

    def pause(self) -> None:
        """What happened since the last step does not count as waiting for data."""
        self._begin += time.perf_counter() - self._ready
        self._ready = time.perf_counter()

    def rates(self) -> dict[str, float]:
        """Clips a second, and the share of the time spent waiting for data, since the last call."""
        spent = time.perf_counter() - self._begin
        out = {
            "clips_per_second": self._steps * self._batch / spent,
            "data_wait": self._wait / spent,
        }
        self._wait, self._steps = 0.0, 0
        self._begin = self._ready = time.perf_counter()
        return out

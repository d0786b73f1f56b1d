"""What a run measures of itself between two log lines."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import jax
import numpy as np

from ila_jax.cost.peaks import peak
from ila_jax.cost.training import flops
from ila_jax.train.norms import part_of
from ila_jax.train.optim import FROZEN
from ila_jax.train.step import Recipe

_T = TypeVar("_T")
_GIB = 2**30


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


def full_rate(recipe: Recipe) -> float | None:
    """Clips a second if all devices always computed at their peak; None when that is not known."""
    config = recipe.config
    if config.train.peak_tflops is not None:
        rate: float | None = config.train.peak_tflops * 1e12
    else:
        rate = peak(jax.devices()[0].device_kind, config.model.precision)
    return None if rate is None else jax.device_count() * rate / clip_flops(recipe)


def clip_flops(recipe: Recipe) -> int:
    """Operations of a clip in training, by formula."""
    tower = [factor for path, factor in recipe.rates.items() if part_of(path) == "tower"]
    frozen = all(factor == FROZEN for factor in tower)
    return flops(recipe.config.model, recipe.classes, tower_frozen=frozen)


def device_memory() -> dict[str, float]:
    """GiB in use, and the most so far, on the fullest device of this process; CPUs do not tell."""
    found = [stats for device in jax.local_devices() if (stats := device.memory_stats())]
    if not found:
        return {}
    return {
        "memory_gib": max(stats["bytes_in_use"] for stats in found) / _GIB,
        "memory_peak_gib": max(stats["peak_bytes_in_use"] for stats in found) / _GIB,
    }


def _now() -> np.ndarray:
    """Seconds: of the clock, and of a processor that has worked for this thread."""
    return np.array([time.perf_counter(), time.thread_time()])


class Meter:
    """Where the time goes between two log lines: into waiting for data, for the device, the rest.

    The rest is the host's own work, and its waiting for a free core where there are few.
    full_rate: clips a second at the devices' peak, if known.
    """

    def __init__(self, batch: int, full_rate: float | None = None):
        self._batch, self._full_rate = batch, full_rate
        self._last: Any = None
        self._restart()

    def _restart(self) -> None:
        self._begin = _now()
        self._data, self._device, self._steps = np.zeros(2), np.zeros(2), 0

    def fetched(self, batches: Iterable[_T]) -> Iterator[_T]:
        """The batches; how long each lets wait is counted."""
        iterator = iter(batches)
        while True:
            begin = _now()
            batch = next(iterator, None)
            self._data += _now() - begin
            if batch is None:
                return
            yield batch

    def wait(self, outputs: _T) -> _T:
        """The outputs once the device is done with them; how long that takes is counted."""
        begin = _now()
        jax.block_until_ready(outputs)
        self._device += _now() - begin
        return outputs

    def stepped(self, outputs: Any) -> Any:
        """A step has been dispatched: waits for the one before it, and returns its outputs.

        So the host runs one step ahead, and no batches pile up on the device. None at first.
        """
        if self._last is None:  # the first step was compiled: that is no rate
            jax.block_until_ready(outputs)
            self._restart()
            self._steps = -1
        before, self._last = self.wait(self._last), outputs
        self._steps += 1
        return before

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens meanwhile is no part of a step: validating, saving."""
        begin = _now()
        yield
        self._begin += _now() - begin

    def rates(self) -> dict[str, float]:
        """Of the steps since the last call; empty when there was none after the first.

        Clips a second; milliseconds of a step, and of them on the host's own work, waiting for the
        device and for data; of the host's, those that a processor worked; the share of data in a
        step; `mfu`, the share of the devices' peak that the model's own operations make.
        """
        spent, steps = _now() - self._begin, self._steps
        data, device = self._data, self._device
        self._restart()
        if not steps:
            return {}
        host, (total, _) = spent - data - device, spent
        clips = float(steps * self._batch / total)
        seconds = {
            "step_ms": total,
            "host_ms": host[0],
            "host_cpu_ms": host[1],
            "device_ms": device[0],
            "data_ms": data[0],
        }
        found = {name: float(1e3 * each / steps) for name, each in seconds.items()}
        found |= {"clips_per_second": clips, "data_wait": float(data[0] / total)}
        return found | ({} if self._full_rate is None else {"mfu": clips / self._full_rate})

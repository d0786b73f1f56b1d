"""What a run measures of itself between two log lines."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import jax

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


class Meter:
    """Where the time goes between two log lines: into waiting for data, for the device, the rest.

    The rest is the host's own work. full_rate: clips a second at the devices' peak, if known.
    """

    def __init__(self, batch: int, full_rate: float | None = None):
        self._batch, self._full_rate = batch, full_rate
        self._last: Any = None
        self._restart()

    def _restart(self) -> None:
        self._begin = time.perf_counter()
        self._data, self._device, self._steps = 0.0, 0.0, 0

    def fetched(self, batches: Iterable[_T]) -> Iterator[_T]:
        """The batches; how long each lets wait is counted."""
        iterator = iter(batches)
        while True:
            begin = time.perf_counter()
            batch = next(iterator, None)
            self._data += time.perf_counter() - begin
            if batch is None:
                return
            yield batch

    def wait(self, outputs: _T) -> _T:
        """The outputs once the device is done with them; how long that takes is counted."""
        begin = time.perf_counter()
        jax.block_until_ready(outputs)
        self._device += time.perf_counter() - begin
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
        begin = time.perf_counter()
        yield
        self._begin += time.perf_counter() - begin

    def rates(self) -> dict[str, float]:
        """Of the steps since the last call; empty when there was none after the first.

        Clips a second; milliseconds of a step, and of them on the host's own work, waiting for the
        device and for data; the share of data in them; `mfu`, the share of the devices' peak that
        the model's own operations make.
        """
        spent, steps = time.perf_counter() - self._begin, self._steps
        data, device = self._data, self._device
        self._restart()
        if not steps:
            return {}
        clips = steps * self._batch / spent
        milliseconds = {
            "step_ms": spent,
            "host_ms": spent - data - device,
            "device_ms": device,
            "data_ms": data,
        }
        found = {name: 1e3 * seconds / steps for name, seconds in milliseconds.items()}
        found |= {"clips_per_second": clips, "data_wait": data / spent}
        return found | ({} if self._full_rate is None else {"mfu": clips / self._full_rate})

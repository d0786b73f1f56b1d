"""What a run measures of itself between two log lines: speed, and where its time goes."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import jax
import numpy as np
from numpy.typing import NDArray

from ila_jax.cost.peaks import peak
from ila_jax.cost.training import flops
from ila_jax.models.parts import part_of
from ila_jax.train.parameter_groups import FROZEN
from ila_jax.train.recipe import Recipe

_T = TypeVar("_T")
_GIB = 2**30


def flat_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """The metrics of a step as one number a name, as `metrics.jsonl` holds them.

    A dict over parts of the model, `norm_of`, becomes `norm/part`; an array over blocks,
    `loss_of_block`, becomes `loss/block0` and so on.
    """
    flat: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            stem = name.removesuffix("_of")
            flat |= {f"{stem}/{part}": float(of_part) for part, of_part in value.items()}
        elif value.ndim:
            stem = name.removesuffix("_of_block")
            flat |= {f"{stem}/block{i}": float(of_block) for i, of_block in enumerate(value)}
        else:
            flat[name] = float(value)
    return flat


def peak_clips_per_second(recipe: Recipe) -> float | None:
    """Clips a second if all devices always computed at their peak; None when that is not known.

    Nor is it where only some blocks train, of which the formulas know nothing.
    """
    config = recipe.config
    if config.optimizer.trained_blocks is not None:
        return None
    if config.train.peak_tflops is not None:
        flops_per_second: float | None = config.train.peak_tflops * 1e12
    else:
        flops_per_second = peak(jax.devices()[0].device_kind, config.model.precision)
    if flops_per_second is None:
        return None
    return jax.device_count() * flops_per_second / clip_flops(recipe)


def clip_flops(recipe: Recipe) -> int:
    """Floating-point operations of one clip in training, by formula (`cost/training.py`)."""
    of_tower = [factor for path, factor in recipe.lr_factors.items() if part_of(path) == "tower"]
    frozen = all(factor == FROZEN for factor in of_tower)
    return flops(recipe.config.model, recipe.classes, tower_frozen=frozen)


def device_memory() -> dict[str, float]:
    """GiB in use, and the most so far, on the fullest device of this process.

    Empty where a device says nothing of its memory, as CPUs do.
    """
    per_device = [stats for device in jax.local_devices() if (stats := device.memory_stats())]
    if not per_device:
        return {}
    return {
        "memory_gib": max(stats["bytes_in_use"] for stats in per_device) / _GIB,
        "memory_peak_gib": max(stats["peak_bytes_in_use"] for stats in per_device) / _GIB,
    }


def _now() -> NDArray[np.float64]:
    """Seconds [2]: of the clock, and of a processor that has worked for this thread."""
    return np.array([time.perf_counter(), time.thread_time()])


class Meter:
    """Where the time goes between two log lines: waiting for data, for the device, and the rest.

    The rest is the host's own work, and its waiting for a free core where there are few.
    batch: clips of a step, on all devices. peak: clips a second at the devices' peak, if known.
    """

    def __init__(self, batch: int, peak: float | None = None):
        self._batch, self._peak = batch, peak
        self._previous: Any = None
        self._restart()

    def _restart(self) -> None:
        self._begin = _now()
        self._data, self._device, self._steps = np.zeros(2), np.zeros(2), 0

    def fetched(self, batches: Iterable[_T]) -> Iterator[_T]:
        """The same batches; the time that is spent waiting for each is counted as data."""
        iterator = iter(batches)
        while True:
            begin = _now()
            batch = next(iterator, None)
            self._data += _now() - begin
            if batch is None:
                return
            yield batch

    def wait(self, outputs: _T) -> _T:
        """The outputs once the device is done with them; the waiting is counted as the device's."""
        begin = _now()
        jax.block_until_ready(outputs)
        self._device += _now() - begin
        return outputs

    def stepped(self, outputs: Any) -> Any:
        """Takes the outputs of the step just dispatched; returns those of the step before it.

        It waits until that step is done. None after the first step, which has none before it.
        """
        if self._previous is None:
            # Compilation took most of the first step: measuring begins after it, with the second
            # step, and the first is not counted among the steps.
            jax.block_until_ready(outputs)
            self._restart()
            self._steps = -1
        # One step runs on the device while the host prepares the next. To wait for the newest
        # would leave the device idle meanwhile; to wait for none would let batches pile up there.
        previous, self._previous = self.wait(self._previous), outputs
        self._steps += 1
        return previous

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside is no part of a step and not counted: validating, saving."""
        begin = _now()
        yield
        self._begin += _now() - begin

    def rates(self) -> dict[str, float]:
        """The speed of the steps since the last call; empty when there was none after the first.

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
        clips_per_second = float(steps * self._batch / total)
        seconds = {
            "step_ms": total,
            "host_ms": host[0],
            "host_cpu_ms": host[1],
            "device_ms": device[0],
            "data_ms": data[0],
        }
        rates = {name: float(1e3 * value / steps) for name, value in seconds.items()}
        rates |= {"clips_per_second": clips_per_second, "data_wait": float(data[0] / total)}
        return rates | ({} if self._peak is None else {"mfu": clips_per_second / self._peak})

"""What a compiled program takes: seconds, bytes, and XLA's own count of its arithmetic."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ila_jax.config import ModelConfig
from ila_jax.cost.program_memory import program_memory
from ila_jax.cost.traced import clip_shape
from ila_jax.models import model
from ila_jax.models.model import Variables


class ProgramCost(NamedTuple):
    """What a compiled program took.

    seconds: of one call, the median. fastest: the best of them. compiling: seconds, once.

    peak_bytes: arguments that are used, outputs, and what XLA sets aside for intermediates.
    working_bytes: of these, outputs and intermediates. None where XLA does not tell.
    xla_macs: half the operations that XLA counts in the optimised program; it counts elementwise
    arithmetic as well, the body of a loop once, and nothing in calls of libraries.
    """

    seconds: float
    fastest: float
    compiling: float
    peak_bytes: int | None
    working_bytes: int | None
    xla_macs: float | None


def machine() -> str:
    """The device and the versions that a measurement was made with."""
    device = jax.devices()[0]
    cores = f"{os.cpu_count()} cores, " if device.platform == "cpu" else ""
    versions = f"jax {jax.__version__}, Python {platform.python_version()}"
    return f"{device_name()}, {cores}{versions}"


def device_name() -> str:
    """The kind of the devices, of a CPU the processor's name."""
    device = jax.devices()[0]
    return _processor() if device.platform == "cpu" else str(device.device_kind)


def _processor() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def measure(function: Callable[..., Any], *arguments: Any, repeats: int) -> ProgramCost:
    """Compiles a function for its arguments and runs it, once unmeasured."""
    # Ahead of time, as compilation has to be measured by itself and XLA asked for its plans.
    start = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    compiling = time.perf_counter() - start
    seconds = timed(compiled, *arguments, repeats=repeats)
    flops = (compiled.cost_analysis() or {}).get("flops")
    macs = None if flops is None else flops / 2  # a multiplication and an addition each
    median, fastest = statistics.median(seconds), min(seconds)
    memory = program_memory(compiled)
    peak, working = (None, None) if memory is None else (memory.total, memory.working)
    return ProgramCost(median, fastest, compiling, peak, working, macs)


def timed(function: Callable[..., Any], *arguments: Any, repeats: int) -> list[float]:
    """Seconds of each of `repeats` calls, after one that is not measured."""
    jax.block_until_ready(function(*arguments))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        seconds.append(time.perf_counter() - start)
    return seconds


def measure_model(config: ModelConfig, classes: int, *, repeats: int) -> ProgramCost:
    """One clip through the whole model with the text head, its class features given.

    classes: K. The text tower takes no part, as features of classes are computed once.
    """
    rng = np.random.default_rng(0)
    video = jnp.asarray(rng.standard_normal(clip_shape(config).shape), jnp.float32)
    text = jnp.asarray(rng.standard_normal((classes, config.geometry().embed)), jnp.float32)
    variables = random_weights(config)

    def logits(variables: Any, video: Any, text: Any) -> Any:
        return model.apply(config, variables, video, text, None)[0].logits

    return measure(logits, variables, video, text, repeats=repeats)


def random_weights(config: ModelConfig) -> Variables:
    """Small random numbers in every place: quicker than a fresh model, whose start is compiled."""
    rng = np.random.default_rng(0)

    def fill(path: tuple[Any, ...], like: Any) -> jax.Array:
        values = rng.standard_normal(like.shape, dtype=np.float32) * 0.02
        # Norms and variances are around 1: with roots of negative ones all would be NaN.
        around = 1.0 if path[-1].key in ("scale", "var") else 0.0
        return jnp.asarray(values + around, like.dtype)

    return Variables(
        *(jax.tree_util.tree_map_with_path(fill, tree) for tree in model.abstract(config))
    )

"""How fast a configuration trains and recognises, without any videos, and what limits it."""

import dataclasses
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from ila_jax.benchmark.compiling import Compiling, compile_cold_and_cached
from ila_jax.benchmark.floor import Rates, Work, limiter, parts_of
from ila_jax.benchmark.rates import measure_rates
from ila_jax.benchmark.result import PassSpeed, Row, setting
from ila_jax.config import Config
from ila_jax.cost.buffers import Buffers, buffers_at_peak, of_arrays
from ila_jax.cost.by_scope import seconds_by_part
from ila_jax.cost.countings import by_formula
from ila_jax.cost.measure import device_name, random_weights
from ila_jax.cost.program_memory import program_memory
from ila_jax.cost.traced import by_part
from ila_jax.job.sharding import check_batch, make_mesh, put_batch, put_state
from ila_jax.models.forward import logits_of
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from ila_jax.train.chain.by_block import StepByBlock
from ila_jax.train.compiled import compile_step, traced_and_compiled
from ila_jax.train.meter import clip_flops, device_memory, peak_clips_per_second
from ila_jax.train.recipe import make_recipe
from ila_jax.train.start import fresh_on

# How often `measure` calls its `step`.
STAGES = 6
_BUFFERS = 12  # of a row, the largest: the others together are a small part

Step = Callable[[str], None]


@dataclass(frozen=True)
class _Pass:
    """A pass that is measured. what: its name in a sentence. compiled: makes its program, and says
    how many seconds were tracing. run: calls that once, and waits. flops: of a clip. macs: forward,
    by part."""

    what: str
    compiled: Callable[[], tuple[Any, float]]
    run: Callable[[Any], None]
    flops: int
    macs: Mapping[str, int]


def measure(
    configuration: str,
    config: Config,
    *,
    classes: int,
    steps: int,
    step: Step = lambda name: None,
) -> Row:
    """Trains on noise for some steps, and recognises as many batches of the same size.

    configuration: its name. classes: of the text head, where the configuration does not say. step:
    called with the name of each of six finished parts. Errors: ValueError for a batch that the
    devices cannot share.
    """
    # A linear head says how many classes it has; of a text head it is the data that say it.
    classes = config.model.classes or classes
    mesh = make_mesh(fsdp=config.mesh.fsdp)
    check_batch(mesh, "train.batch", config.train.batch)
    recipe = make_recipe(config, mirror=np.arange(classes), steps_per_epoch=1)
    rates = measure_rates(config.model.precision)
    macs = dict(by_part(config.model, classes))
    step("rates")
    with jax.set_mesh(mesh):
        # Random everywhere, where a fresh model has zeros: products with those may run faster.
        state = fresh_on(recipe, mesh, random_weights(config.model))
        batch = put_batch(mesh, noise(config, classes))
        text = put_state(mesh, _text(config, classes))
        step("weights")
        trained = _Training(state, batch, text)
        training = _Pass(
            "The step",
            lambda: compile_step(recipe, mesh, state, batch, text),
            trained.run,
            clip_flops(recipe),
            macs,
        )
        train = _measured(training, config, mesh, rates, steps, step)
        weights = Variables(trained.state["params"], trained.state["batch_stats"])
        inference = _inference(config, weights, batch["video"], text, macs)
        recognise = _measured(inference, config, mesh, rates, steps, step)
    peak = peak_clips_per_second(recipe)
    return Row(
        setting=setting(configuration, config, classes),
        matmul=rates.matmul,
        bandwidth=rates.bandwidth,
        macs=macs,
        mfu=None if peak is None else train.clips_per_second / peak,
        memory=device_memory().get("memory_peak_gib"),
        training=train,
        inference=recognise,
    )


class _Training:
    """Steps of training, each from the state that the last one left."""

    def __init__(self, state: Any, batch: Any, text: Any):
        self.state, self._batch, self._text = state, batch, text

    def run(self, compiled: Any) -> None:
        """One step. jax returns before the devices are done: waiting makes it the step's time."""
        self.state, *_ = jax.block_until_ready(compiled(self.state, self._batch, self._text))


def _inference(
    config: Config, variables: Variables, video: jax.Array, text: Any, macs: Mapping[str, int]
) -> _Pass:
    """The forward pass as `evaluate` computes it. Its MACs are those of the model as trained."""
    recognizer = Recognizer(config.model, variables).for_inference()
    arguments = (recognizer.variables, text, video)

    def lower() -> Any:
        return jax.jit(lambda v, t, x: logits_of(recognizer.config, v, t, x)).lower(*arguments)

    counting = by_formula(config.model, _classes(config, text))
    of_head = counting["text_head" if config.model.head == "text" else "linear_head"]
    return _Pass(
        "The forward pass",
        lambda: traced_and_compiled(lower),
        lambda compiled: jax.block_until_ready(compiled(*arguments)),
        2 * of_head,
        macs,
    )


def _classes(config: Config, text: Any) -> int:
    return int(config.model.classes or len(text))


def _measured(
    work: _Pass, config: Config, mesh: Mesh, rates: Rates, steps: int, step: Step
) -> PassSpeed:
    """Compiles a pass, times it, and takes its time and its memory apart."""
    compiled, compiling = compile_cold_and_cached(work.compiled)
    step(f"{work.what}: compiled")
    seconds = _timed(lambda: work.run(compiled), steps)
    traced = _traced(lambda: work.run(compiled), compiled)
    clips, memory = config.train.batch, program_memory(compiled)
    moved = 0 if memory is None else memory.arguments + memory.results
    needed = Work(flops=work.flops * clips / mesh.size, size=moved)
    parts = parts_of(traced, work.macs, clips=clips / mesh.size, devices=mesh.size)
    median = statistics.median(seconds)
    speed = PassSpeed(
        clips_per_second=clips / median,
        seconds=median,
        spread=(max(seconds) - min(seconds)) / median,
        flops_per_clip=work.flops,
        floor=needed.floor(rates),
        share_of_floor=needed.floor(rates) / median,
        share_of_matmul=needed.products(rates) / median,
        **_compiling(compiling),
        arguments=None if memory is None else memory.arguments,
        working=None if memory is None else memory.working,
        parts=[dataclasses.asdict(part) for part in parts],
        buffers=[dataclasses.asdict(buffers) for buffers in _buffers(compiled)[:_BUFFERS]],
        limiter=limiter(work.what, median, needed, rates, parts),
    )
    step(f"{work.what}: timed")
    return speed


def _compiling(compiling: Compiling) -> dict[str, Any]:
    return {
        "tracing": compiling.tracing,
        "compile_cold": compiling.cold,
        "compile_cached": compiling.cached,
    }


def _buffers(compiled: Any) -> list[Buffers]:
    """What lies in memory when that is fullest, the largest first."""
    if not isinstance(compiled, StepByBlock):
        return buffers_at_peak(compiled)
    program, held = compiled.at_peak()
    found = buffers_at_peak(program) + of_arrays("programs before it", held)
    return sorted(found, key=lambda buffers: -buffers.size)


def _timed(run: Callable[[], None], steps: int) -> list[float]:
    """Seconds of each of some calls."""
    seconds = []
    # One more than is counted: the first sets up buffers.
    for _ in range(steps + 1):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return seconds[1:]


def _traced(run: Callable[[], None], compiled: Any) -> dict[str, float]:
    """Seconds by part of one call, of all devices together; empty where nothing is traced."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with jax.profiler.trace(folder):
                run()
            return seconds_by_part(Path(folder), compiled.as_text())
        # What was timed before stands without it.
        except (RuntimeError, ValueError) as error:
            print(f"the time by part is left out: {error}", file=sys.stderr)
            return {}


def machine() -> dict[str, Any]:
    """What figures are of: the kind of device, how many, cores where that is the CPU, versions."""
    device = jax.devices()[0]
    return {
        "device": device_name(),
        "devices": jax.device_count(),
        "cores": os.cpu_count() if device.platform == "cpu" else None,
        "jax": jax.__version__,
        "python": platform.python_version(),
    }


def noise(config: Config, classes: int) -> dict[str, np.ndarray]:
    """This process's rows of a batch of random pixels: `video` [b, t, h, w, 3], `label` [b]."""
    side, rows = config.model.geometry().resolution, config.train.batch // jax.process_count()
    # Each process has rows of its own, as with videos.
    rng = np.random.default_rng(jax.process_index())
    shape = (rows, config.model.frames, side, side, 3)
    return {
        "video": rng.integers(0, 256, shape, np.uint8),
        "label": rng.integers(0, classes, rows, np.int32),
    }


def _text(config: Config, classes: int) -> np.ndarray | None:
    """Random features of classes, [k, e]; None for a linear head."""
    if config.model.head != "text":
        return None
    rng = np.random.default_rng(0)
    return rng.standard_normal((classes, config.model.geometry().embed), np.float32)

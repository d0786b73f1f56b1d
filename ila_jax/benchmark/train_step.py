"""Clips a second that a configuration trains on and recognises, without any videos."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ila_jax.config import Config
from ila_jax.cost.measure import timed
from ila_jax.job.sharding import check_batch, make_mesh, put_batch, put_state
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import logits_of
from ila_jax.train.meter import clip_flops, device_memory, peak_clips_per_second
from ila_jax.train.recipe import make_recipe
from ila_jax.train.start import fresh_on
from ila_jax.train.step import compiled_step

# How often `measure` calls its `step`.
STAGES = 5
# Sides of the square matrices that FLOP/s are measured with: large enough to reach the machine's
# most, small enough to take no more than a second there.
_SIDE = {"cpu": 1024}
_ACCELERATOR_SIDE = 8192


@dataclass(frozen=True)
class TrainStepSpeed:
    """What one configuration reaches on all devices together.

    training, inference: clips a second. compiling: seconds, of the training step. flops: of a clip
    in training, by formula. matmul: FLOP/s of one device that a large matrix product reaches here
    in the model's precision. mfu: share of the makers' peak that training reaches, where that is
    known. memory: GiB, the most in use on a device, where it tells.
    """

    devices: int
    training: float
    inference: float
    compiling: float
    flops: int
    matmul: float
    mfu: float | None
    memory: float | None

    @property
    def share_of_matmul(self) -> float:
        """Which share of the FLOP/s of large matrix products training reaches on these devices."""
        return self.training * self.flops / (self.devices * self.matmul)


def measure(
    config: Config, *, classes: int, steps: int, step: Callable[[str], None] = lambda name: None
) -> TrainStepSpeed:
    """Trains on noise for some steps, and recognises as many batches of the same size.

    classes: of the text head, where the configuration does not say. step: called with the name of
    each of five finished parts. Errors: ValueError for a batch that the devices cannot share.
    """
    # A linear head says how many classes it has; of a text head it is the data that say it.
    classes = config.model.classes or classes
    mesh = make_mesh(fsdp=config.mesh.fsdp)
    check_batch(mesh, "train.batch", config.train.batch)
    recipe = make_recipe(config, mirror=np.arange(classes), steps_per_epoch=1)
    with jax.set_mesh(mesh):
        state = fresh_on(recipe, mesh, model.initialize(config.model, 0))
        batch = put_batch(mesh, noise(config, classes))
        text = put_state(mesh, _text(config, classes))
        step("weights")
        # Compiled ahead of time, so that compiling is not in the time of the first step.
        begin = time.perf_counter()
        compiled = compiled_step(recipe, mesh, state).lower(state, batch, text).compile()
        compiling = time.perf_counter() - begin
        step("compiling")
        step_seconds, state = _train(compiled, state, batch, text, steps)
        step("training")
        batch_seconds = _recognise(config, state, batch["video"], text, steps)
        step("inference")
    peak, clips_per_second = peak_clips_per_second(recipe), config.train.batch / step_seconds
    speed = TrainStepSpeed(
        devices=mesh.size,
        training=clips_per_second,
        inference=config.train.batch / batch_seconds,
        compiling=compiling,
        flops=clip_flops(recipe),
        matmul=matmul_rate(config.model.precision),
        mfu=None if peak is None else clips_per_second / peak,
        memory=device_memory().get("memory_peak_gib"),
    )
    step("matrix products")
    return speed


def matmul_rate(precision: str) -> float:
    """FLOP/s of one device in products of large square matrices, the best of five."""
    side = _SIDE.get(jax.devices()[0].platform, _ACCELERATOR_SIDE)
    # In the precision of the model: products in bfloat16 are several times as fast as in float32.
    a = jax.random.normal(jax.random.key(0), (side, side)).astype(precision)
    product = jax.jit(lambda a, b: a @ b)
    return 2 * side**3 / min(timed(product, a, a, repeats=5))


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


def _train(compiled: Any, state: Any, batch: Any, text: Any, steps: int) -> tuple[float, Any]:
    """Trains for some steps; returns (seconds of a step, the median; the state at the end)."""
    seconds = []
    # One more than is counted: the first sets up buffers.
    for _ in range(steps + 1):
        begin = time.perf_counter()
        # jax returns before the devices are done: waiting makes it the step's own time.
        state, *_ = jax.block_until_ready(compiled(state, batch, text))
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:]), state


def _recognise(config: Config, state: Any, video: jax.Array, text: Any, steps: int) -> float:
    """Seconds of the forward pass of a batch, the median of some calls."""
    variables = Variables(state["params"], state["batch_stats"])
    logits = jax.jit(lambda v, video: logits_of(config.model, v, text, video))
    return statistics.median(timed(logits, variables, video, repeats=steps))

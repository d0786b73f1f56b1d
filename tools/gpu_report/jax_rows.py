"""What ila_jax itself takes: the training step that `train` compiles, and `evaluate`'s forward."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from ila_jax.benchmark.train_step import noise
from ila_jax.config import Config, ModelConfig, from_config, read_config
from ila_jax.cost.by_scope import seconds_by_part
from ila_jax.cost.countings import by_formula
from ila_jax.cost.program_memory import program_memory
from ila_jax.freed_memory import give_back_freed_memory
from ila_jax.job.sharding import make_mesh, over_data, put_batch, put_state, replicated, shape_on
from ila_jax.models import model
from ila_jax.models.forward import logits_of
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from ila_jax.train.compiled import compile_step
from ila_jax.train.dry_run.plan import Planner
from ila_jax.train.dry_run.shapes import step_shapes
from ila_jax.train.meter import clip_flops, device_memory
from ila_jax.train.recipe import Recipe, make_recipe
from ila_jax.train.start import fresh_on
from tools.gpu_report.rows import CLASSES, Row
from tools.gpu_report.timing import sampled, summary
from tools.gpu_report.turn import tell, wait_for_device

_GIB = 2**30
_SIDES = {"cpu": 1024}  # of the square matrices; on a GPU they are large enough to fill it
_LARGE = 8192
_PROFILING = 60.0  # seconds after which a profiler that does not answer is given up


def rate(row: Row) -> None:
    """Operations a second of a large matrix product, the best of the samples."""
    device = jax.devices()[0]
    wait_for_device()
    tell(device=device.device_kind, jax=jax.__version__, platform=device.platform)
    side = _SIDES.get(device.platform, _LARGE)
    # Random numbers: products of zeros run faster than any real ones.
    a, b = (jax.random.normal(jax.random.key(i), (side, side)).astype(row.dtype) for i in range(2))
    tell(matmul_flops=2 * side**3 / min(timed(jax.jit(jnp.matmul), a, b, samples=row.steps)))


def timed(function: Any, *arguments: Any, samples: int) -> list[float]:
    """Seconds of a call of a compiled function, `samples` times."""
    last: list[Any] = [None]

    def call() -> None:
        last[0] = function(*arguments)

    return sampled(call, lambda: jax.block_until_ready(last[0]), samples=samples)


def config_of(row: Row) -> Config:
    """The configuration of Kinetics-400 with a row's size, frames, batch, precision and remat."""
    changes = {
        "model.size": row.size,
        "model.frames": row.frames,
        "model.precision": row.dtype,
        "model.remat": row.remat,
        "train.batch": row.batch,
        "mesh.fsdp": 1,
    }
    return from_config(read_config("k400/b32_8f", list(changes.items())))


def one_device() -> Mesh:
    """A mesh of the first device: rows are of one device, however many there are."""
    return make_mesh(jax.devices()[:1])


def host_variables(config: ModelConfig) -> Variables:
    """Random weights in the host's memory, none of them zero, norms' scales around one."""
    rng = np.random.default_rng(0)

    def fill(path: tuple[Any, ...], like: Any) -> np.ndarray:
        values = 0.02 * rng.standard_normal(like.shape, dtype=np.float32)
        around = 1.0 if path[-1].key in ("scale", "var") else 0.0
        return np.asarray(values + around, like.dtype)

    trees = model.abstract(config)
    return Variables(*(jax.tree_util.tree_map_with_path(fill, tree) for tree in trees))


def class_texts(config: Config) -> np.ndarray:
    """Random class features, [k, e], in the dtype of the products."""
    shape = (CLASSES, config.model.geometry().embed)
    values = np.random.default_rng(1).standard_normal(shape, np.float32)
    return values.astype(jnp.dtype(config.model.precision))


def train(row: Row) -> None:
    """The step as `python -m ila_jax.train` compiles it, with augmentation and AdamW."""
    config = config_of(row)
    recipe = make_recipe(config, mirror=np.arange(CLASSES), steps_per_epoch=1)
    mesh = one_device()
    tell(flops_per_clip=clip_flops(recipe))
    with jax.set_mesh(mesh):
        begin = time.perf_counter()
        compiled, tracing = compile_step(recipe, mesh, *step_shapes(recipe, mesh))
        compiling = time.perf_counter() - begin - tracing
        tell(tracing_s=tracing, compile_s=compiling)
        _tell_memory(compiled)
    _tell_plan(recipe)
    variables = host_variables(config.model)
    batch, text = noise(config, CLASSES), class_texts(config)
    wait_for_device()
    with jax.set_mesh(mesh):
        loop = _Loop(compiled, fresh_on(recipe, mesh, variables), put_batch(mesh, batch))
        del variables  # as in a run: only the state is kept
        loop.text = put_state(mesh, text)
        loop.wait()
        give_back_freed_memory()  # as in a run, before its first step
        seconds = sampled(loop.step, loop.wait, samples=row.steps)
        tell(**summary(seconds, clips=row.batch), **_peak(), loss=float(loop.metrics["loss"]))
        if row.profile:
            with _traced(loop) as folder:
                tell(parts_ms=_in_ms(seconds_by_part(folder, compiled.as_text())))


class _Loop:
    """Steps of training, each from the state that the last one left."""

    def __init__(self, compiled: Any, state: Any, batch: Any):
        self.compiled, self.state, self.batch = compiled, state, batch
        self.text: Any = None
        self.metrics: Any = None

    def step(self) -> None:
        # The state is donated: its arrays are gone once the step has started.
        self.state, output = self.compiled(self.state, self.batch, self.text)
        self.metrics = output.metrics

    def wait(self) -> None:
        jax.block_until_ready((self.state, self.metrics))


def _compiled(lowered: Any) -> Any:
    """The program, whose compilation is timed and whose memory XLA gives account of."""
    begin = time.perf_counter()
    compiled = lowered.compile()
    tell(compile_s=time.perf_counter() - begin)
    _tell_memory(compiled)
    return compiled


def _tell_memory(compiled: Any) -> None:
    memory = program_memory(compiled)
    if memory is not None:
        tell(xla_gib=memory.total / _GIB)


def _peak() -> dict[str, float]:
    memory = device_memory()
    return {"peak_gib": memory["memory_peak_gib"]} if memory else {}


@contextmanager
def _traced(loop: _Loop) -> Iterator[Path]:
    """A folder with the profiler's trace of two steps.

    A profiler that hangs would hold the device for all other rows: after a minute the process ends,
    with everything told that was measured before.
    """
    watch = threading.Timer(_PROFILING, _give_up)
    watch.daemon = True
    watch.start()
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            loop.step()
            loop.step()
            loop.wait()
        yield Path(folder)
    watch.cancel()


def _give_up() -> None:
    tell(profile="the profiler did not answer")
    os._exit(0)


def _in_ms(parts: dict[str, float]) -> dict[str, float]:
    """Of one step, in milliseconds: two were traced."""
    return {name: 1e3 * seconds / 2 for name, seconds in parts.items()}


def _tell_plan(recipe: Recipe) -> None:
    """What `--dry-run` plans for the device without a look at it, with and without its margin."""
    memory = Planner(recipe, 1).as_configured().memory
    tell(plan_gib=memory.total / _GIB, estimate_gib=(memory.total - memory.margin) / _GIB)


def infer(row: Row) -> None:
    """The forward pass as `python -m ila_jax.evaluate` compiles it, on uint8 clips."""
    config, mesh = config_of(row), one_device()
    tell(macs_per_clip=by_formula(config.model, CLASSES)["text_head"])
    recognizer = Recognizer(config.model, host_variables(config.model)).for_inference()
    program = jax.jit(
        lambda variables, text, video: logits_of(recognizer.config, variables, text, video)
    )
    video = noise(config, CLASSES)["video"]
    weights = (recognizer.variables, class_texts(config))
    shapes = jax.tree.map(lambda x: shape_on(x, replicated(mesh)), weights)
    begin = time.perf_counter()
    with jax.set_mesh(mesh):
        lowered = program.lower(*shapes, shape_on(video, over_data(mesh)))
        tell(tracing_s=time.perf_counter() - begin)
        compiled = _compiled(lowered)
    wait_for_device()
    with jax.set_mesh(mesh):
        arguments = (*put_state(mesh, weights), put_batch(mesh, {"video": video})["video"])
        seconds = timed(compiled, *arguments, samples=row.steps)
        finite = bool(jnp.isfinite(compiled(*arguments)).all())
    tell(**summary(seconds, clips=row.batch), **_peak(), finite=finite)

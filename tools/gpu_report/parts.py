"""The time of a block's parts alone: forward, and forward with backward, of ila_jax.

Each on inputs of the shape that it has in the step. Some parts stand beside another way to compute
the same, to say which one suits the device.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from ila_jax.benchmark.train_step import noise
from ila_jax.config import ModelConfig
from ila_jax.cost.formulas import tower
from ila_jax.models import model
from ila_jax.models.layers import attend, attention_weights
from ila_jax.models.own_convolutions import conv3x3, depthwise3x3
from ila_jax.models.temporal.alignment import neighbours
from ila_jax.shapes import Training
from ila_jax.train import augment
from ila_jax.train.gradients import prepare_inputs
from ila_jax.train.optimizers import descend
from ila_jax.train.parameter_groups import partition
from ila_jax.train.recipe import make_recipe
from tools.gpu_report.jax_rows import config_of, host_variables, timed
from tools.gpu_report.rows import CLASSES, Row
from tools.gpu_report.turn import tell, wait_for_device


class Part(NamedTuple):
    """call: of weights and inputs. macs: multiply-adds, 0 for what only moves numbers.

    backward: whether the step has a pass backward through it.
    """

    name: str
    call: Callable[..., Any]
    weights: Any
    inputs: tuple[Any, ...]
    macs: int
    backward: bool = True


class Compiled(NamedTuple):
    """A part's programs, or the error of one. both: None where no step goes backward through it."""

    part: Part
    forward: Any
    both: Any
    error: str = ""


def parts(row: Row) -> None:
    """Milliseconds of each part, told one by one: what is left when time is up is told already."""
    with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 4)) as pool:
        every = list(pool.map(_compiled, parts_of(row)))
    wait_for_device()
    for part in every:
        try:
            measured = {"error": part.error} if part.error else _measured(part, row.steps)
            tell(parts={part.part.name: measured})
        except Exception as error:  # a part that fails must not take the others along
            tell(parts={part.part.name: {"error": _in_words(error)}})


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _compiled(part: Part) -> Compiled:
    """A part's programs: forward, and forward with backward."""

    def both(weights: Any, inputs: Any, towards: Any) -> Any:
        return jax.vjp(part.call, weights, *inputs)[1](towards)

    arguments = (part.weights, part.inputs)
    try:
        forward = jax.jit(part.call).lower(part.weights, *part.inputs).compile()
        if not part.backward:
            return Compiled(part, forward, None)
        towards = jax.eval_shape(part.call, part.weights, *part.inputs)
        return Compiled(part, forward, jax.jit(both).lower(*arguments, towards).compile())
    except Exception as error:
        return Compiled(part, None, None, _in_words(error))


def _measured(compiled: Compiled, samples: int) -> dict[str, float]:
    """Milliseconds of a call, forward, and forward with backward."""
    part = compiled.part
    weights, inputs = jax.device_put((part.weights, part.inputs))
    forward = timed(compiled.forward, weights, *inputs, samples=samples)
    found = {"macs": part.macs, "forward_ms": _median_ms(forward)}
    if compiled.both is None:
        return found
    # Not the gradient of a sum: a compiler would fold its ones into what comes before.
    towards = jax.tree.map(
        lambda x: jax.random.normal(jax.random.key(1), x.shape).astype(x.dtype),
        jax.eval_shape(part.call, weights, *inputs),
    )
    seconds = timed(compiled.both, weights, inputs, towards, samples=samples)
    return found | {"both_ms": _median_ms(seconds)}


def _median_ms(seconds: list[float]) -> float:
    return 1e3 * float(np.median(seconds))


def parts_of(row: Row) -> Iterator[Part]:
    """The parts of one ILA block at a row's size."""
    config = config_of(row).model
    shape = config.geometry()
    one = dataclasses.replace(config, shape=dataclasses.replace(shape, depth=1))
    block: Any = model.bind(one, host_variables(one)).visual.blocks[0]
    b, t, n, d = row.batch, row.frames, shape.grid**2 + 1, shape.width
    x = _random(config, b, t, n, d)
    training = Training(jnp.float32(0.2), jax.random.key(0))
    spatial = 12 * b * t * n * d * d + 2 * b * t * n * n * d
    yield _of(block.spatial, "spatial block", lambda m, x: m(x), x, macs=spatial)
    yield _of(
        block.temporal, "alignment", lambda m, x: m(x, training), x, macs=_alignment(row, config)
    )
    yield from _spatial(block.spatial, config, x)
    yield from _temporal(block.temporal, config, _random(config, b, t, shape.grid, shape.grid, d))
    yield from _step(row)


def _step(row: Row) -> Iterator[Part]:
    """What a step does beside the model: augmentation of the clips, AdamW on all weights."""
    config = config_of(row)
    recipe = make_recipe(config, mirror=np.arange(CLASSES), steps_per_epoch=1)
    at, batch = jnp.int32(10), noise(config, CLASSES)
    draws = augment.draw(jax.random.key(0), row.batch, config.augment)

    def augmented(_: Any, video: Any, labels: Any) -> Any:
        return prepare_inputs(recipe, video, labels, draws, at)

    yield Part("augmentation", augmented, {}, (batch["video"], batch["label"]), 0, backward=False)
    weights, _ = partition(host_variables(config.model).params, recipe.lr_factors)
    moments = recipe.optimizer.init(weights)

    def moved(weights: Any, gradients: Any, moments: Any) -> Any:
        direction, moments = recipe.optimizer.update(gradients, moments, weights)
        return descend(weights, direction, recipe.lr_schedule(at), recipe.lr_factors), moments

    yield Part("AdamW of all weights", moved, weights, (weights, moments), 0, backward=False)


def _spatial(block: Any, config: ModelConfig, x: np.ndarray) -> Iterator[Part]:
    """Attention, its core, the MLP and a norm."""
    b, t, n, d = x.shape
    tokens, core = b * t * n, 2 * b * t * n * n * d
    yield _of(block.attn, "attention", lambda m, x: m(x), x, macs=4 * tokens * d * d + core)
    yield _of(block.mlp, "MLP", lambda m, x: m(x), x, macs=8 * tokens * d * d)
    yield _of(block.norm1, "layer norm", lambda m, x: m(x), x, macs=0)
    heads = tuple(_random(config, b * t, n, d // 64, 64) for _ in range(3))
    yield Part("attention core", lambda _, *qkv: attend(*qkv), {}, heads, core)
    yield Part("attention core, written out", _written_out, {}, heads, core)


def _written_out(_: Any, q: Any, k: Any, v: Any) -> Any:
    return jnp.einsum("maij,mjac->miac", attention_weights(q, k).astype(v.dtype), v)


def _temporal(block: Any, config: ModelConfig, u: np.ndarray) -> Iterator[Part]:
    """The networks of the alignment, and the layers that they are made of."""
    b, t, g, _, d = u.shape
    pairs = _random(config, b * (t - 1), g, g, 2 * d)
    features = _random(config, b * (t - 1), g, g, config.channels)
    places, f = b * (t - 1) * g * g, config.channels
    first, square = 18 * d + 2 * d * f, 9 * f * f
    # At every place, then at those that the first pooling leaves.
    predicted = places * square // 2 + b * (t - 1) * (g // 2) ** 2 * square // 4
    network, points = block.interaction, block.prediction

    def trained(module: Any, x: Any) -> Any:
        return module(x, training=True)

    yield _of(network, "interaction network", trained, pairs, macs=places * (first + square))
    yield _of(points, "point prediction", trained, features, macs=predicted)
    yield _of(network.depthwise, "depthwise 3x3", _called, pairs, macs=places * 18 * d)
    yield _own(
        "depthwise 3x3, written out", depthwise3x3, network.depthwise, pairs, places * 18 * d
    )
    yield _of(network.norm1, "batch norm of 2d", trained, pairs, macs=0)
    yield _of(network.pointwise, "pointwise", _called, pairs, macs=places * 2 * d * f)
    yield _of(network.conv, "3x3", _called, features, macs=places * square)
    yield _own("3x3, written out", conv3x3, network.conv, features, places * square)
    yield Part("pairs of frames", lambda _, u: neighbours(u), {}, (u,), 0)
    yield _of(block.message, "linear of all tokens", _called, u, macs=b * t * g * g * d * d)


def _alignment(row: Row, config: ModelConfig) -> int:
    """MACs of a block's alignment."""
    of_clip = tower(config)
    names = ("layers on the tokens", "convolutions and points", "interactive map")
    return row.batch * sum(of_clip[name].total for name in names) // config.geometry().depth


def _called(module: Any, x: Any) -> Any:
    return module(x)


def _of(module: Any, name: str, call: Callable[..., Any], x: Any, *, macs: int) -> Part:
    """A module's call as a pure function of its parameters; running statistics are dropped."""
    split: Any = nnx.split(module, nnx.Param, ...)
    graph, (weights, statistics) = split[0], map(nnx.to_pure_dict, split[1:])

    def pure(weights: Any, *inputs: Any) -> Any:
        # As jax's arrays: the call writes to them, and numpy's would not take traced values.
        rest = jax.tree.map(jnp.asarray, statistics)
        return call(nnx.merge(graph, weights, rest), *inputs)

    return Part(name, pure, weights, (x,), macs)


def _own(name: str, convolve: Callable[..., Any], module: Any, x: Any, macs: int) -> Part:
    """A convolution by a function of our own, which NVIDIA's GPUs leave to cuDNN."""
    kernel = np.asarray(module.kernel[...])
    return Part(name, lambda kernel, x: convolve(x, kernel.astype(x.dtype)), kernel, (x,), macs)


def _random(config: ModelConfig, *shape: int) -> np.ndarray:
    """Random numbers in the dtype of the products."""
    values = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return values.astype(jnp.dtype(config.precision))

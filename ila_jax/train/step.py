"""Forward, loss and step: three pure functions; one compiled step over a mesh."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from einops import rearrange
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int, UInt8

from ila_jax.config import Config
from ila_jax.job.sharding import replicated, shardings
from ila_jax.models import model
from ila_jax.models.layers import Dtypes
from ila_jax.models.model import Output, Variables
from ila_jax.shapes import Scalar, TextFeatures, Training, Tree, Video
from ila_jax.train import augment
from ila_jax.train.augment import Draws
from ila_jax.train.losses import cross_entropy
from ila_jax.train.mixing import mix, soft_targets
from ila_jax.train.norms import norms
from ila_jax.train.optim import (
    GROUPS,
    adamw,
    alignment_noise,
    descend,
    factors,
    join,
    partition,
    schedule,
)
from ila_jax.train.state import State, averaged


class Losses(NamedTuple):
    """total: classification + weight · Σ alignment. alignment: one value a block."""

    total: Scalar
    classification: Scalar
    alignment: Float[Array, "depth"]


@dataclass(frozen=True)
class Recipe:
    """What a step needs beyond state and batch, all known when it is compiled.

    mirror: `data.mirror.mirror_table`.
    """

    config: Config
    classes: int
    mirror: np.ndarray
    rates: dict[str, float]
    optimizer: optax.GradientTransformation
    rate: optax.Schedule
    steps_per_epoch: int


def make_recipe(config: Config, *, mirror: np.ndarray, steps_per_epoch: int) -> Recipe:
    """The recipe of a config. Errors: ValueError for a table of groups that does not exist."""
    if config.optimizer.groups not in GROUPS:
        raise ValueError(
            f"optimizer.groups is {config.optimizer.groups!r}: expected one of {', '.join(GROUPS)}"
        )
    params = model.abstract(config.model).params
    return Recipe(
        config=config,
        classes=len(mirror),
        mirror=mirror,
        rates=factors(params, GROUPS[config.optimizer.groups]),
        optimizer=adamw(config.optimizer),
        rate=schedule(config.optimizer, steps=config.train.steps, steps_per_epoch=steps_per_epoch),
        steps_per_epoch=steps_per_epoch,
    )


def compiled_step(recipe: Recipe, mesh: Mesh, state: State) -> Any:
    """`step` for states that lie on a mesh as this one, or its shape, does; it takes them over.

    It returns a third thing: what else the batch has beyond video and label, of all processes.
    """

    def whole(state: State, batch: dict[str, Array], text: TextFeatures | None) -> Any:
        rows = {name: batch[name] for name in batch.keys() - {"video", "label"}}
        return *step(recipe, state, batch, text), rows

    out = (shardings(mesh, state), replicated(mesh), replicated(mesh))
    return jax.jit(whole, donate_argnums=0, out_shardings=out)


def forward(
    recipe: Recipe,
    variables: Variables,
    video: Video,
    text: TextFeatures | None,
    training: Training,
) -> tuple[Output, Tree]:
    """The model in training: its output and the running statistics after it."""
    return model.apply(recipe.config.model, variables, video, text, training)


def loss(recipe: Recipe, output: Output, targets: Float[Array, "b k"]) -> Losses:
    """Soft cross entropy + weight · Σ_blocks (1 − cos)."""
    classification = cross_entropy(output.logits, targets)
    weight = recipe.config.train.alignment_weight
    total = classification + weight * output.alignment_loss.sum()
    return Losses(total, classification, output.alignment_loss)


def gradients(
    recipe: Recipe,
    variables: Variables,
    video: Video,
    targets: Float[Array, "b k"],
    text: TextFeatures | None,
    training: Training,
) -> tuple[Tree, Losses, Tree]:
    """Gradients of the trainable parameters, the losses, and the new running statistics."""
    trainable, frozen = partition(variables.params, recipe.rates)
    rest = Variables(frozen, variables.batch_stats)
    of_trainable = objective(recipe, rest, video, targets, text, training)
    grads, (losses, batch_stats) = jax.grad(of_trainable, has_aux=True)(trainable)
    return grads, losses, batch_stats


def objective(
    recipe: Recipe,
    frozen: Variables,
    video: Video,
    targets: Float[Array, "b k"],
    text: TextFeatures | None,
    training: Training,
) -> Callable[[Tree], tuple[Scalar, tuple[Losses, Tree]]]:
    """The total loss of a batch as a function of the trainable parameters; the losses, and the new
    running statistics, beside it."""

    def of(trainable: Tree) -> tuple[Scalar, tuple[Losses, Tree]]:
        whole = Variables(join(trainable, frozen.params), frozen.batch_stats)
        output, batch_stats = forward(recipe, whole, video, text, training)
        losses = loss(recipe, output, targets)
        return losses.total, (losses, batch_stats)

    return of


def step(
    recipe: Recipe, state: State, batch: dict[str, Array], text: TextFeatures | None
) -> tuple[State, dict[str, Array]]:
    """One step: augment, mix, descend. batch: `video` uint8 [b t h w c], `label` int [b].

    A step whose loss or gradient is not finite is not applied, only counted.
    """
    config, at = recipe.config, state["step"]
    noise = alignment_noise(config.train.alignment_noise, at, steps=config.train.steps)
    variables = Variables(state["params"], state["batch_stats"])
    grads, losses, batch_stats = accumulated(recipe, variables, batch, text, at, noise)

    rate = recipe.rate(at)
    trainable, frozen = partition(state["params"], recipe.rates)
    with jax.named_scope("optimizer"):
        direction, opt_state = recipe.optimizer.update(grads, state["opt_state"], trainable)
        moved = descend(trainable, direction, rate, recipe.rates)
    norm = optax.tree.norm(grads)
    new = State(
        step=at + 1,
        params=join(moved, frozen),
        batch_stats=batch_stats,
        opt_state=opt_state,
        ema=averaged(config.train.ema, state["ema"], moved, at),
        skipped=state["skipped"],
        skipped_in_row=jnp.zeros_like(at),
    )
    missed = State(
        **{
            **state,
            "step": at + 1,
            "skipped": state["skipped"] + 1,
            "skipped_in_row": state["skipped_in_row"] + 1,
        }
    )
    finite = jnp.isfinite(losses.total) & jnp.isfinite(norm)
    new_state = jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, missed)
    return new_state, {
        "loss": losses.total,
        "classification_loss": losses.classification,
        "alignment_loss": losses.alignment.sum(),
        "alignment_loss_of_block": losses.alignment,
        "gradient_norm": norm,
        "gradient_norm_of": norms(grads),
        "update_norm_of": norms(jax.tree.map(jnp.subtract, moved, trainable)),
        "rate": rate,
        "alignment_noise": noise,
        "skipped": new_state["skipped"],
        "skipped_in_row": new_state["skipped_in_row"],
    }


def accumulated(
    recipe: Recipe,
    variables: Variables,
    batch: dict[str, Array],
    text: TextFeatures | None,
    at: Int[Array, ""],
    noise: Scalar,
) -> tuple[Tree, Losses, Tree]:
    """`gradients` of a whole batch, computed in `train.accumulation` parts one after the other.

    What is drawn for a clip does not depend on the parts. What a batch normalisation sees does: a
    part; the running statistics take each part in turn. So does dropout.
    """
    config, parts = recipe.config, recipe.config.train.accumulation
    draws = augment.draw(_key(config, "augment", at), len(batch["label"]), config.augment)
    rows = (batch["video"], batch["label"], draws)

    def part(variables: Variables, rows: Any, number: Array | int) -> tuple[Tree, Losses, Tree]:
        video, labels, draws = rows
        targets, video = inputs(recipe, video, labels, draws, at)
        key = jax.random.fold_in(_key(config, "dropout", at), number)
        return gradients(recipe, variables, video, targets, text, Training(noise, key))

    if parts == 1:
        return part(variables, rows, 0)

    def add(carry: tuple[Any, Tree], now: tuple[Any, Array]) -> tuple[tuple[Any, Tree], None]:
        total, batch_stats = carry
        rows, number = now
        grads, losses, batch_stats = part(Variables(variables.params, batch_stats), rows, number)
        share = jax.tree.map(lambda x: x / parts, (grads, losses))
        return (jax.tree.map(jnp.add, total, share), batch_stats), None

    rows = jax.tree.map(lambda x: _in_parts(x, parts), rows)
    first = jax.tree.map(lambda x: x[0], rows)
    shapes = jax.eval_shape(part, variables, first, jnp.int32(0))[:2]
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    numbers = jnp.arange(parts)
    ((grads, losses), batch_stats), _ = jax.lax.scan(
        add, (zeros, variables.batch_stats), (rows, numbers)
    )
    return grads, losses, batch_stats


def _in_parts(x: Array, parts: int) -> Array:
    """[b, …] to [parts, b/parts, …]: a device keeps its rows, and clips 2i, 2i + 1 stay a pair."""
    return rearrange(x, "(b parts pair) ... -> parts (b pair) ...", parts=parts, pair=2)


def inputs(
    recipe: Recipe,
    video: UInt8[Array, "b t h w c"],
    labels: Int[Array, "b"],
    draws: Draws,
    at: Int[Array, ""],
) -> tuple[Float[Array, "b k"], Video]:
    """Soft targets and the augmented, mixed video."""
    config = recipe.config
    dtype = Dtypes.of(config.model.precision).param
    video, labels = augment.apply(
        video, labels, draws, mirror=recipe.mirror, dtype=dtype, by=config.model.pixels
    )
    smoothing = config.augment.label_smoothing
    targets = soft_targets(labels, classes=recipe.classes, smoothing=smoothing)
    video, targets = mix(video, targets, key=_key(config, "mix", at), config=config.augment)
    return targets, video.astype(config.model.precision)


def _key(config: Config, stream: str, at: Int[Array, ""]) -> jax.Array:
    """Randomness as a function of (seed, stream, step), never stored."""
    named = jax.random.fold_in(jax.random.key(config.train.seed), zlib.crc32(stream.encode()))
    return jax.random.fold_in(named, at)

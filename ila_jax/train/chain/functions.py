"""The functions of which a step by block is made, each of them one program (by_block.py)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ila_jax.config import ModelConfig
from ila_jax.models import in_parts
from ila_jax.models.model import Variables
from ila_jax.models.paths import by_path, from_paths
from ila_jax.shapes import Scalar, Tokens, Training
from ila_jax.train import augment, gradients
from ila_jax.train.chain.layers import Layers
from ila_jax.train.gradients import Losses
from ila_jax.train.norms import norms
from ila_jax.train.recipe import Recipe
from ila_jax.train.state import State
from ila_jax.train.step import StepOutput, Verdict, advance, judge, metrics, noise_at

Arrays = dict[str, Any]  # by path


class Means(NamedTuple):
    """What a batch says, of `Gradients` what is summed over its parts. grads: by layer."""

    grads: list[Arrays]
    losses: Losses
    top1: Scalar


class Own(NamedTuple):
    """What a step changes of a layer: its state, of which the optimizer's arrays are a list."""

    params: Arrays
    stats: Arrays
    moments: list[Array]
    ema: Arrays


class Shared(NamedTuple):
    """What a step changes beside the layers: counters, and what the optimizer has of that kind."""

    step: Array
    skipped: Array
    skipped_in_row: Array
    moments: list[Array]


def inputs(
    recipe: Recipe, number: Array, batch: dict[str, Array], part: Array
) -> tuple[Any, Float[Array, "b k"], Training]:
    """Clips of a part of the batch, augmented and mixed, soft targets, and what training takes."""
    config, labels = recipe.config, batch["label"]
    key = gradients.stream_key(config, "augment", number)
    draws = augment.draw(key, len(labels), config.augment)
    video, labels, draws = gradients.part_of_clips(
        (batch["video"], labels, draws), part, parts=config.train.accumulation
    )
    targets, video = gradients.prepare_inputs(recipe, video, labels, draws, number)
    return video, targets, gradients.training_of(recipe, number, noise_at(recipe, number), part)


def before(config: ModelConfig, frozen: int, wanted: Arrays, others: Any) -> tuple[Tokens, Arrays]:
    """The tokens that the first block takes which trains. frozen: how many do not."""
    params, stats, video = others
    variables = Variables(from_paths({**wanted, **params}), from_paths(stats))
    return in_parts.before_blocks(config, variables, video, frozen), {}


def block(
    config: ModelConfig, number: int, wanted: Any, others: Any
) -> tuple[tuple[Tokens, Scalar], Arrays]:
    """A block's tokens and auxiliary loss, and the statistics after it.

    The tokens that it takes are among what is wanted, or among the others.
    """
    (trainable, x), (frozen, stats, fixed, training) = wanted, others
    variables = Variables(from_paths({**trainable, **frozen}), from_paths(stats))
    x = fixed if x is None else x
    x, loss, after = in_parts.block(config, number, variables, x, training)
    return (x, loss), by_path(after)


def after(recipe: Recipe, wanted: Any, others: Any) -> tuple[tuple[Losses, Scalar], Any]:
    """The losses and top 1 of a batch, and the gradients of what is wanted.

    wanted: parameters, the tokens after the last block, and the losses of the blocks that train.
    """
    frozen, fixed, text, targets, training = others

    def loss_of(wanted: Any) -> tuple[Scalar, tuple[Losses, Scalar]]:
        trainable, x, of_blocks = wanted
        variables = Variables(from_paths({**trainable, **frozen}), {})
        alignment = jnp.stack([jnp.float32(0)] * recipe.frozen_blocks + of_blocks)
        x = fixed if x is None else x
        output = in_parts.after_blocks(recipe.config.model, variables, x, alignment, text, training)
        losses = gradients.loss(recipe, output, targets)
        return losses.total, (losses, gradients.train_top1(output.logits, targets))

    grads, of_batch = jax.grad(loss_of, has_aux=True)(wanted)
    return of_batch, grads


def share(parts: int, means: Means) -> Means:
    """What one of so many parts adds to the means of the batch."""
    of_part: Means = jax.tree.map(lambda x: x / parts, means)
    return of_part


def add_share(parts: int, total: Means, means: Means) -> Means:
    """The sum of the parts so far, and of another one."""
    added: Means = jax.tree.map(jnp.add, total, share(parts, means))
    return added


def norms_of(grads: Arrays) -> dict[str, Scalar]:
    """The norms of a layer's gradients, by part of the model."""
    return norms(from_paths(grads))


def judged(
    recipe: Recipe, number: Array, loss: Scalar, of_layers: list[dict[str, Scalar]]
) -> tuple[Verdict, dict[str, Scalar]]:
    """The verdict on a step, and the norms of its gradients by part. of_layers: their norms."""
    gradient_norm_of = _together(of_layers)
    return judge(recipe, number, loss, gradient_norm_of), gradient_norm_of


def _together(of_layers: list[dict[str, Scalar]]) -> dict[str, Scalar]:
    """The norms of the parts of all layers, from those of each."""
    parts = dict.fromkeys(part for layer in of_layers for part in layer)
    return {
        part: optax.tree.norm([layer[part] for layer in of_layers if part in layer])
        for part in parts
    }


def update(
    recipe: Recipe,
    layers: Layers,
    layer: int,
    own: Own,
    shared: Shared,
    grads: Arrays,
    stats: Arrays,
    verdict: Verdict,
) -> tuple[Own, Shared, dict[str, Scalar]]:
    """A layer after the step, and the norms of what was added to its parameters, by part.

    stats: the running statistics after the batch.
    """
    params = from_paths(own.params)
    state = State(
        step=shared.step,
        params=params,
        batch_stats=from_paths(own.stats),
        opt_state=layers.of_layer(layer, params, own.moments, shared.moments),
        ema=from_paths(own.ema),
        skipped=shared.skipped,
        skipped_in_row=shared.skipped_in_row,
    )
    new, update_norm_of = advance(recipe, state, from_paths(grads), from_paths(stats), verdict)
    moments, of_none = layers.from_layer(layer, new["opt_state"])
    return (
        Own(by_path(new["params"]), by_path(new["batch_stats"]), moments, by_path(new["ema"])),
        Shared(new["step"], new["skipped"], new["skipped_in_row"], of_none),
        update_norm_of,
    )


def report(
    recipe: Recipe,
    number: Array,
    of_batch: tuple[Losses, Scalar],
    verdict: Verdict,
    gradient_norm_of: dict[str, Scalar],
    update_norms: list[dict[str, Scalar]],
    shared: Shared,
    rows: dict[str, Array],
) -> StepOutput:
    """What a step returns beside the state. number: of the step. shared: after it."""
    norms_of = gradient_norm_of, _together(update_norms)
    skipped = shared.skipped, shared.skipped_in_row
    return StepOutput(metrics(recipe, number, *of_batch, verdict, norms_of, skipped), rows)

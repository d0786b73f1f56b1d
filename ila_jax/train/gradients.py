"""Gradients of a batch: augmentation, forward pass and loss, as pure functions.

Everything random is a function of (seed, name of the stream, step), so that a step can be computed
again: by a run that goes on, on other devices, in more parts.
"""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from einops import rearrange
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from ila_jax.config import Config
from ila_jax.models import model
from ila_jax.models.layers import Dtypes
from ila_jax.models.model import Output, Variables
from ila_jax.models.vit import TowerTokens
from ila_jax.shapes import Labels, Logits, Scalar, TextFeatures, Training, Tree, Video
from ila_jax.train import augment
from ila_jax.train.augment import Draws
from ila_jax.train.losses import cross_entropy
from ila_jax.train.mixing import mix, soft_targets
from ila_jax.train.multi_label_losses import asymmetric_loss, binary_cross_entropy
from ila_jax.train.parameter_groups import join, partition
from ila_jax.train.recipe import Recipe

# By `train.loss`.
LOSSES = {
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "asymmetric": asymmetric_loss,
}


class Losses(NamedTuple):
    """The parts of the loss. alignment: one value for each block of the image tower.

    total: what is descended, classification + train.alignment_weight · Σ alignment.
    """

    total: Scalar
    classification: Scalar
    alignment: Float[Array, "depth"]


class Gradients(NamedTuple):
    """What a batch says. grads: a tree of the trainable parameters alone.

    batch_stats: the running statistics of batch normalisation after it. top1: the share of its
    clips that the model names rightly, as `train_top1` counts.
    """

    grads: Tree
    losses: Losses
    batch_stats: Tree
    top1: Scalar


def batch_gradients(
    recipe: Recipe,
    variables: Variables,
    batch: dict[str, Array],
    text: TextFeatures | None,
    step: Int[Array, ""],
    noise: Scalar,
) -> Gradients:
    """The gradients of a whole batch, computed in `train.accumulation` parts one after the other.

    batch: `video` uint8 [b, t, h, w, 3], or kept tokens of the image tower in its place, and
    `label` int [b], or bool [b, k] of clips of any number of classes. text: the classes' features,
    of a text head. noise: radius of the alignment noise.

    What is drawn for a clip does not depend on the parts. What a batch normalisation sees does: a
    part; the running statistics take each part in turn. So does dropout.
    """
    config, parts = recipe.config, recipe.config.train.accumulation
    # Drawn for the whole batch before it is cut, or the number of parts would change the draws.
    draws = augment.draw(stream_key(config, "augment", step), len(batch["label"]), config.augment)
    clips = (batch["video"], batch["label"], draws)

    def part_gradients(variables: Variables, clips: Any, number: Array | int) -> Gradients:
        video, labels, draws = clips
        targets, video = prepare_inputs(recipe, video, labels, draws, step)
        training = training_of(recipe, step, noise, number)
        return gradients(recipe, variables, video, targets, text, training)

    if parts == 1:
        return part_gradients(variables, clips, 0)
    return _sum_over_parts(part_gradients, variables, clips, parts)


def training_of(recipe: Recipe, step: Int[Array, ""], noise: Scalar, part: Array | int) -> Training:
    """What a part of a batch is trained with."""
    key = jax.random.fold_in(stream_key(recipe.config, "dropout", step), part)
    return Training(noise, key, frozen_blocks=recipe.frozen_blocks)


def _sum_over_parts(
    part_gradients: Callable[[Variables, Any, Array], Gradients],
    variables: Variables,
    clips: Any,
    parts: int,
) -> Gradients:
    """The mean of the parts' gradients and losses, and the statistics after the last part."""

    def add(carry: tuple[Any, Tree], part: tuple[Any, Array]) -> tuple[tuple[Any, Tree], None]:
        total, batch_stats = carry
        clips, number = part
        of_part = part_gradients(Variables(variables.params, batch_stats), clips, number)
        means = of_part.grads, of_part.losses, of_part.top1
        share = jax.tree.map(lambda x: x / parts, means)
        return (jax.tree.map(jnp.add, total, share), of_part.batch_stats), None

    cut = jax.tree.map(lambda x: _in_parts(x, parts), clips)
    first = jax.tree.map(lambda x: x[0], cut)
    shapes = jax.eval_shape(part_gradients, variables, first, jnp.int32(0))
    means = shapes.grads, shapes.losses, shapes.top1
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), means)
    # A scan compiles one part, however many there are, and holds the activations of one.
    ((grads, losses, top1), batch_stats), _ = jax.lax.scan(
        add, (zeros, variables.batch_stats), (cut, jnp.arange(parts))
    )
    return Gradients(grads, losses, batch_stats, top1)


def _in_parts(x: Array, parts: int) -> Array:
    """[b, …] to [parts, b/parts, …]: a device keeps its rows, and clips 2i, 2i + 1 stay a pair."""
    return rearrange(x, "(b parts pair) ... -> parts (b pair) ...", parts=parts, pair=2)


def part_of_clips(clips: Any, part: Array, *, parts: int) -> Any:
    """One of the equal parts of a batch's clips, which are a tree of arrays [b, …]."""
    if parts == 1:
        return clips
    return jax.tree.map(lambda x: _in_parts(x, parts)[part], clips)


def prepare_inputs(
    recipe: Recipe,
    video: UInt8[Array, "b t h w c"] | TowerTokens,
    labels: Labels,
    draws: Draws,
    step: Int[Array, ""],
) -> tuple[Float[Array, "b k"], Video | TowerTokens]:
    """Soft targets [b, k], and the augmented and mixed video in the dtype of the products.

    Kept tokens of the image tower are taken in the place of a video, and given as they are.
    """
    config = recipe.config
    smoothing = config.augment.label_smoothing
    if isinstance(video, TowerTokens):
        # Kept of clips that are fixed: nothing of them can be changed any more.
        return soft_targets(labels, classes=recipe.classes, smoothing=smoothing), video
    # Colours change, and clips mix, in the parameters' dtype: bfloat16 has 8 bits, as many as a
    # pixel, and would round after each operation.
    dtype = Dtypes.of(config.model.precision).param
    # A flip can change the label (left and right), so targets are made after it, and mixed last.
    video, labels = augment.apply(
        video, labels, draws, mirror=recipe.mirror, dtype=dtype, by=config.model.pixels
    )
    targets = soft_targets(labels, classes=recipe.classes, smoothing=smoothing)
    key = stream_key(config, "mix", step)
    video, targets = mix(video, targets, key=key, config=config.augment)
    return targets, video.astype(config.model.precision)


def gradients(
    recipe: Recipe,
    variables: Variables,
    video: Video | TowerTokens,
    targets: Float[Array, "b k"],
    text: TextFeatures | None,
    training: Training,
) -> Gradients:
    """Gradients of the trainable parameters, the losses, and the new running statistics."""
    # Frozen parameters are closed over instead of differentiated: nothing is kept or computed for
    # gradients that nobody takes.
    trainable, frozen = partition(variables.params, recipe.lr_factors)
    rest = Variables(frozen, variables.batch_stats)
    loss_of = objective(recipe, rest, video, targets, text, training)
    grads, (losses, batch_stats, top1) = jax.grad(loss_of, has_aux=True)(trainable)
    return Gradients(grads, losses, batch_stats, top1)


def objective(
    recipe: Recipe,
    frozen: Variables,
    video: Video | TowerTokens,
    targets: Float[Array, "b k"],
    text: TextFeatures | None,
    training: Training,
) -> Callable[[Tree], tuple[Scalar, tuple[Losses, Tree, Scalar]]]:
    """The total loss of a batch as a function of the trainable parameters.

    Beside it that function returns all losses, the new running statistics, and `train_top1`.
    """

    def loss_of(trainable: Tree) -> tuple[Scalar, tuple[Losses, Tree, Scalar]]:
        whole = Variables(join(trainable, frozen.params), frozen.batch_stats)
        output, batch_stats = forward(recipe, whole, video, text, training)
        losses = loss(recipe, output, targets)
        return losses.total, (losses, batch_stats, train_top1(output.logits, targets))

    return loss_of


def forward(
    recipe: Recipe,
    variables: Variables,
    video: Video | TowerTokens,
    text: TextFeatures | None,
    training: Training,
) -> tuple[Output, Tree]:
    """The model in training: its output and the running statistics after it."""
    if isinstance(video, TowerTokens):
        return model.apply_to_tokens(recipe.config.model, variables, video, text, training)
    return model.apply(recipe.config.model, variables, video, text, training)


def loss(recipe: Recipe, output: Output, targets: Float[Array, "b k"]) -> Losses:
    """The loss of the classes + weight · Σ_blocks (1 − cos) (training.md, "loss")."""
    if recipe.class_weights is None:
        classification = LOSSES[recipe.config.train.loss](output.logits, targets)
    else:
        classification = cross_entropy(output.logits, targets, recipe.class_weights)
    weight = recipe.config.train.alignment_weight
    total = classification + weight * output.alignment_loss.sum()
    return Losses(total, classification, output.alignment_loss)


def train_top1(logits: Logits, targets: Float[Array, "b k"]) -> Scalar:
    """The share of clips whose most probable class has the largest share of their target.

    Of a clip that is mixed of two that is the class of the larger part, and of one with several
    labels any of these; one without a label is never named rightly.
    """
    named = jnp.take_along_axis(targets, logits.argmax(-1)[:, None], axis=-1)[:, 0]
    # Smoothed, a clip without a label has the same share in every class, and no largest one.
    largest = targets.max(-1)
    right = (named >= largest) & (largest > targets.min(-1))
    return right.mean(dtype=jnp.float32)


def stream_key(config: Config, stream: str, step: Int[Array, ""]) -> PRNGKeyArray:
    """The key of a named stream of randomness at a step: derived each time and never stored."""
    # crc32 and not hash(), which Python salts anew in every process.
    named = jax.random.fold_in(jax.random.key(config.train.seed), zlib.crc32(stream.encode()))
    return jax.random.fold_in(named, step)

"""Soft targets, mixup and cutmix, on the device (training.md: label smoothing, mixup / cutmix)."""

import jax
import jax.numpy as jnp
from einops import rearrange
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ila_jax.config import AugmentConfig
from ila_jax.shapes import Labels, Scalar, Video

Targets = Float[Array, "b k"]
Box = tuple[Int[Array, ""], Int[Array, ""], Int[Array, ""], Int[Array, ""]]


def soft_targets(labels: Labels, *, classes: int, smoothing: float) -> Targets:
    """Target distributions: 1 - s + s/K for the label, s/K for every other class, float32.

    Of clips of any number of classes: 1 - s/2 for each that a clip has, s/2 for every other.
    """
    if labels.ndim == 2:
        # Each class is a question of its own with two answers: yes and no share the smoothing.
        return labels.astype(jnp.float32) * (1 - smoothing) + smoothing / 2
    # The label's class has its share of the smoothing as well: rows sum to 1.
    off = smoothing / classes
    return jax.nn.one_hot(labels, classes, dtype=jnp.float32) * (1 - smoothing) + off


def mix(
    video: Video, targets: Targets, *, key: PRNGKeyArray, config: AugmentConfig
) -> tuple[Video, Targets]:
    """Mixes clip i with clip i xor 1, by mixup or cutmix; with both on, a coin per batch decides.

    One λ and one box for the whole batch. Targets come smoothed.
    Errors: ValueError on an odd batch, which has a clip without a partner.
    """
    if config.mixup <= 0 and config.cutmix <= 0:
        return video, targets
    if len(video) % 2:
        raise ValueError(
            f"a batch of {len(video)} clips cannot be mixed in pairs: use an even batch, "
            "or set augment.mixup and augment.cutmix to 0"
        )
    height, width = video.shape[2:4]
    mixup_key, cutmix_key, box_key, coin_key = jax.random.split(key, 4)
    with jax.named_scope("mix"):
        # Both mixings are one blend: `kept` is a clip's own share of each pixel, `weight` that of
        # its target. One program serves both sides of the coin.
        kept, weight = jnp.ones((height, width)), jnp.ones(())
        if config.mixup > 0:
            weight = draw_ratio(mixup_key, config.mixup)
            kept = jnp.full((height, width), weight)
        if config.cutmix > 0:
            ratio = draw_ratio(cutmix_key, config.cutmix)
            box = draw_box(box_key, ratio, height=height, width=width)
            cut, cut_weight = keep_outside(box, height=height, width=width)
            coin = config.mixup <= 0 or jax.random.bernoulli(coin_key)
            kept, weight = jnp.where(coin, cut, kept), jnp.where(coin, cut_weight, weight)
        return blend_pairs(video, targets, kept=kept, weight=weight)


def blend_pairs(
    video: Video, targets: Targets, *, kept: Float[Array, "h w"], weight: Scalar
) -> tuple[Video, Targets]:
    """Adds to each clip's share `kept` of a pixel the rest from its partner; targets by `weight`.

    Mixup keeps λ everywhere; cutmix keeps 1 outside of the box and 0 within.
    """
    kept = kept[None, None, :, :, None].astype(video.dtype)
    return (
        kept * video + (1 - kept) * partners(video),
        weight * targets + (1 - weight) * partners(targets),
    )


def partners(x: Float[Array, "b *s"]) -> Float[Array, "b *s"]:
    """Puts clip i xor 1 in the place of clip i: each swaps with a neighbour."""
    # A device holds whole pairs, and so needs no clip of another.
    pairs = rearrange(x, "(b two) ... -> b two ...", two=2)
    return rearrange(pairs[:, ::-1], "b two ... -> (b two) ...")


def draw_ratio(key: PRNGKeyArray, a: float) -> Scalar:
    """λ of Beta(a, a), from 0 to 1."""
    # Beta(1, 1) is uniform, which compiles at once where a Beta takes seconds.
    return jax.random.uniform(key) if a == 1 else jax.random.beta(key, a, a)


def draw_box(key: PRNGKeyArray, ratio: Scalar, *, height: int, width: int) -> Box:
    """A box y0, y1, x0, x1 that has the share 1 - ratio of a frame, around a random centre.

    It is cut at the edges, as timm's `rand_bbox` does: sides are floored, and so are their halves.
    """
    side = jnp.sqrt(1 - ratio)

    def span(key: PRNGKeyArray, length: int) -> tuple[Array, Array]:
        centre = jax.random.randint(key, (), 0, length)
        half = (length * side).astype(jnp.int32) // 2
        return jnp.clip(centre - half, 0, length), jnp.clip(centre + half, 0, length)

    rows, columns = jax.random.split(key)
    return *span(rows, height), *span(columns, width)


def keep_outside(box: Box, *, height: int, width: int) -> tuple[Float[Array, "h w"], Scalar]:
    """1 outside of the box and 0 within, and the share outside: λ corrected to the true area."""
    y0, y1, x0, x1 = box
    rows, columns = jnp.arange(height), jnp.arange(width)
    inside: Bool[Array, "h w"] = ((rows >= y0) & (rows < y1))[:, None] & (
        (columns >= x0) & (columns < x1)
    )[None, :]
    # Of the box as it was cut at the edges, which is smaller than the λ that was drawn says.
    area = (y1 - y0) * (x1 - x0)
    return 1 - inside.astype(jnp.float32), 1 - area / (height * width)

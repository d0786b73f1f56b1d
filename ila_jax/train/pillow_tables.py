"""Changes of colour that are a table of 256 values for each channel, as Pillow computes them.

Which table depends on the frame where its histogram counts: frames of a clip share the operation.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from einops import rearrange
from jaxtyping import Array, Bool, Float, Int, UInt8

from ila_jax.shapes import Pixels

Tables = Int[Array, "b t c 256"]
PerClip = Float[Array, "b"]
_LEVELS = 256


def looked_up(
    video: Pixels,
    gray: Int[Array, "b t h w 1"],
    chosen: Mapping[str, Bool[Array, "b"]],
    level: PerClip,
    factor: PerClip,
) -> Pixels:
    """The clips through the table of the operation that is chosen for each; the others unchanged.

    gray: the clips in gray. level: from 0 to 1. factor: of brightness and contrast.
    """
    pixels = rearrange(video, "b t h w c -> b t c (h w)")
    tables = _tables(pixels, gray, chosen, level, factor)
    result = _look_up(tables.astype(jnp.uint8), pixels)
    changed: Pixels = rearrange(result, "b t c (h w) -> b t h w c", h=video.shape[2])
    return changed


def _tables(
    pixels: UInt8[Array, "b t c p"],
    gray: Int[Array, "b t h w 1"],
    chosen: Mapping[str, Bool[Array, "b"]],
    level: PerClip,
    factor: PerClip,
) -> Tables:
    counts = _histograms(pixels)
    values = jnp.broadcast_to(jnp.arange(_LEVELS), counts.shape)
    # As timm makes arguments of levels: whole numbers, cut off.
    bits_lost = 4 + jnp.floor(level * 4).astype(jnp.int32)
    threshold = _LEVELS - jnp.floor(level * _LEVELS).astype(jnp.int32)
    added = jnp.floor(level * 110).astype(jnp.int32)
    middle = jnp.floor(gray.mean((2, 3, 4), dtype=jnp.float32) + 0.5)
    middle = rearrange(middle, "b t -> b t 1 1")
    shift = _over(bits_lost)
    by_operation = {
        "auto_contrast": _auto_contrast(counts),
        "equalize": _equalize(counts),
        "invert": 255 - values,
        "posterize": (values >> shift) << shift,
        "solarize": jnp.where(values < _over(threshold), values, 255 - values),
        "solarize_add": jnp.where(values < 128, values + _over(added), values),
        "contrast": jnp.floor(middle + _over(factor) * (values - middle)).astype(jnp.int32),
        "brightness": jnp.floor(_over(factor) * values).astype(jnp.int32),
    }
    tables = jnp.select(
        [jnp.broadcast_to(_over(chosen[name]), counts.shape) for name in by_operation],
        list(by_operation.values()),
        values,
    )
    return jnp.clip(tables, 0, 255)


def _histograms(pixels: UInt8[Array, "b t c p"]) -> Tables:
    """How often each value is there, for each frame and channel."""
    counts: Tables = _count(pixels.astype(jnp.int32))
    return counts


def _auto_contrast(counts: Tables) -> Tables:
    """The least value to 0 and the greatest to 255; a channel of one value stays."""
    present = counts > 0
    low = present.argmax(-1, keepdims=True)
    high = _LEVELS - 1 - present[..., ::-1].argmax(-1, keepdims=True)
    values = jnp.arange(_LEVELS)[None, None, None]
    # Whole numbers: Pillow's are floating, and its product can fall just below a whole one.
    stretched = (values - low) * 255 // jnp.maximum(high - low, 1)
    return jnp.where(high > low, stretched, values)


def _equalize(counts: Tables) -> Tables:
    """Values as evenly often as their order allows, as `PIL.ImageOps.equalize` counts them."""
    last = _LEVELS - 1 - (counts > 0)[..., ::-1].argmax(-1, keepdims=True)
    step = (counts.sum(-1, keepdims=True) - jnp.take_along_axis(counts, last, axis=-1)) // 255
    below = jnp.cumsum(counts, axis=-1) - counts
    values = jnp.arange(_LEVELS)[None, None, None]
    return jnp.where(step > 0, (step // 2 + below) // jnp.maximum(step, 1), values)


def _over(per_clip: Array) -> Array:
    return rearrange(per_clip, "b -> b 1 1 1")


def _count_row(row: Int[Array, "p"]) -> Int[Array, "256"]:
    return jnp.bincount(row, length=_LEVELS)


def _look_up_row(table: UInt8[Array, "256"], row: UInt8[Array, "p"]) -> UInt8[Array, "p"]:
    return table.at[row].get(mode="promise_in_bounds")


# Over all clips, frames and channels.
_count = jnp.vectorize(_count_row, signature="(p)->(k)")
_look_up = jnp.vectorize(_look_up_row, signature="(k),(p)->(p)")

"""Colour and sharpness, as Pillow enhances them: blends with the gray or the smoothed picture."""

from collections.abc import Mapping

import jax.numpy as jnp
from einops import rearrange
from jaxtyping import Array, Bool, Float, Int

from ila_jax.shapes import Pixels

# ITU-R 601 in 65536ths, as Pillow's conversion to L has it.
_RED, _GREEN, _BLUE = 19595, 38470, 7471


def blended(
    video: Pixels, chosen: Mapping[str, Bool[Array, "b"]], factor: Float[Array, "b"]
) -> Pixels:
    """The clips with colour or sharpness changed where that is chosen; the others unchanged.

    factor: 0 is gray or smooth, 1 the picture, more is beyond it.
    """
    colour, sharpness = _over(chosen["color"]), _over(chosen["sharpness"])
    toward = jnp.where(colour, pillow_gray(video), _smoothed(video)).astype(jnp.float32)
    share = jnp.where(colour | sharpness, _over(factor), 1)
    result = toward + share * (video - toward)
    return jnp.clip(jnp.floor(result), 0, 255).astype(jnp.uint8)


def pillow_gray(video: Pixels) -> Int[Array, "b t h w 1"]:
    """The gray of each pixel, rounded to whole numbers as Pillow does."""
    red, green, blue = jnp.split(video.astype(jnp.int32), 3, axis=-1)
    return (_RED * red + _GREEN * green + _BLUE * blue + 2**15) >> 16


def _smoothed(video: Pixels) -> Int[Array, "b t h w c"]:
    """Pillow's filter SMOOTH: the mean of 3 × 3 pixels, the middle one five times; edges stay."""
    wide = video.astype(jnp.int32)
    height, width = video.shape[2:4]
    total = 4 * wide[:, :, 1:-1, 1:-1]
    for dy in range(3):
        for dx in range(3):
            total = total + wide[:, :, dy : height - 2 + dy, dx : width - 2 + dx]
    # Rounded: 13 is the sum of the weights.
    return wide.at[:, :, 1:-1, 1:-1].set((2 * total + 13) // 26)


def _over(per_clip: Array) -> Array:
    return rearrange(per_clip, "b -> b 1 1 1 1")

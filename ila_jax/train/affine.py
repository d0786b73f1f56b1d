"""Rotation, shear and translation of clips on the device, as Pillow's affine transform."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from einops import rearrange
from jaxtyping import Array, Bool, Float, UInt8

from ila_jax.shapes import Pixels

# At the strongest, as timm has them: degrees; pixels aside for each pixel down; shares of a side.
_DEGREES, _SHEAR, _TRANSLATION = 30.0, 0.3, 0.45
# What comes in from outside of a picture, as in timm and VideoMAE.
_FILL = 128
# The place in the input of an output's place (x, y): x' = a x + b y + c, y' = d x + e y + f.
Matrix = tuple[Array, Array, Array, Array, Array, Array]


def moved(
    video: Pixels, chosen: Mapping[str, Bool[Array, "b"]], level: Float[Array, "b"]
) -> Pixels:
    """The clips moved where that is chosen; the others unchanged. level: from -1 to 1.

    Between pixels it interpolates bilinearly, where VideoMAE takes bicubic.
    """
    height, width = video.shape[2:4]
    matrix = _matrix(chosen, level, height=height, width=width)
    return jax.vmap(_transformed)(video, matrix)


def _matrix(
    chosen: Mapping[str, Bool[Array, "b"]], level: Float[Array, "b"], *, height: int, width: int
) -> Matrix:
    angle = jnp.deg2rad(jnp.where(chosen["rotate"], _DEGREES * level, 0))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    shear_x, shear_y = (
        jnp.where(chosen[name], _SHEAR * level, 0) for name in ("shear_x", "shear_y")
    )
    right, down = (
        jnp.where(chosen[name], _TRANSLATION * side * level, 0)
        for name, side in (("translate_x", width), ("translate_y", height))
    )
    # Of these at most one moves anything, so that they may simply be added up. A picture turns
    # around its middle, which stays where it is.
    middle_x, middle_y = width / 2, height / 2
    return (
        cos, shear_x - sin, middle_x * (1 - cos) + middle_y * sin + right,
        shear_y + sin, cos, middle_y * (1 - cos) - middle_x * sin + down,
    )  # fmt: skip


def _transformed(clip: UInt8[Array, "t h w c"], matrix: Matrix) -> UInt8[Array, "t h w c"]:
    """One clip, all of its frames at the same places."""
    frames, height, width, _ = clip.shape
    a, b, c, d, e, f = matrix
    # Pixels are at the middle of their cells.
    x = (jnp.arange(width) + 0.5)[None, :]
    y = (jnp.arange(height) + 0.5)[:, None]
    in_x, in_y = a * x + b * y + c, d * x + e * y + f
    inside = (in_x >= 0) & (in_x < width) & (in_y >= 0) & (in_y < height)
    left, top = jnp.floor(in_x - 0.5), jnp.floor(in_y - 0.5)
    share_x, share_y = in_x - 0.5 - left, in_y - 0.5 - top
    # A place in the picture is a row: so one look-up serves all frames and channels.
    rows = rearrange(clip, "t h w c -> (h w) (t c)")

    def at(dx: int, dy: int) -> Float[Array, "h w tc"]:
        column = jnp.clip(left + dx, 0, width - 1).astype(jnp.int32)
        line = jnp.clip(top + dy, 0, height - 1).astype(jnp.int32)
        return rows.at[line * width + column].get(mode="promise_in_bounds").astype(jnp.float32)

    share_x, share_y = share_x[..., None], share_y[..., None]
    upper = at(0, 0) + (at(1, 0) - at(0, 0)) * share_x
    lower = at(0, 1) + (at(1, 1) - at(0, 1)) * share_x
    # Pillow cuts the fraction off.
    result = jnp.floor(upper + (lower - upper) * share_y)
    result = jnp.where(inside[..., None], result, _FILL).astype(jnp.uint8)
    return rearrange(result, "h w (t c) -> t h w c", t=frames)

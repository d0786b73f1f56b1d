"""Random erasing (Zhong et al., 2020): a box of noise, the same in all frames of a clip.

As timm and VideoMAE have it, with noise of deviation 1 in each pixel of the normalised clip. There
it is drawn anew for each frame; here once, as everything that changes a clip.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from einops import rearrange
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt32

from ila_jax.config import AugmentConfig
from ila_jax.shapes import Video

# timm's: the box has such a share of the picture, and its sides such a ratio, either way.
_AREA, _RATIO = (0.02, 1 / 3), 0.3
# Boxes that are drawn until one fits; where none does nothing is erased.
_TRIES = 10

Boxes = tuple[Int[Array, "b"], Int[Array, "b"], Int[Array, "b"], Int[Array, "b"]]


class Erasing(NamedTuple):
    """What is drawn for a batch. on: whether a clip gets a box. seed: of its noise.

    area: share of the picture. ratio: height of the box by its width. row, column: where it lies,
    from 0 to 1 of the room that is left.
    """

    on: Bool[Array, "b"]
    area: Float[Array, "b tries"]
    ratio: Float[Array, "b tries"]
    row: Float[Array, "b"]
    column: Float[Array, "b"]
    seed: UInt32[Array, "b"]


def draw_erasing(key: PRNGKeyArray, clips: int, config: AugmentConfig) -> Erasing:
    """The choices for a batch of so many clips."""
    on, area, ratio, row, column, seed = jax.random.split(key, 6)
    tries = clips, _TRIES
    # Even on a logarithmic scale, so that tall boxes are as frequent as wide ones.
    logarithm = jnp.log(jnp.float32(_RATIO))
    exponent = jax.random.uniform(ratio, tries, jnp.float32, minval=logarithm, maxval=-logarithm)
    return Erasing(
        jax.random.bernoulli(on, config.erasing, (clips,)),
        jax.random.uniform(area, tries, jnp.float32, minval=_AREA[0], maxval=_AREA[1]),
        jnp.exp(exponent),
        jax.random.uniform(row, (clips,), jnp.float32),
        jax.random.uniform(column, (clips,), jnp.float32),
        jax.random.bits(seed, (clips,), jnp.uint32),
    )


def erased(video: Video, erasing: Erasing) -> Video:
    """The normalised clips with noise in their boxes."""
    height, width, channels = video.shape[2:]
    y0, y1, x0, x1 = boxes(erasing, height=height, width=width)
    rows, columns = jnp.arange(height)[None], jnp.arange(width)[None]
    in_rows = (rows >= y0[:, None]) & (rows < y1[:, None])
    in_columns = (columns >= x0[:, None]) & (columns < x1[:, None])
    inside = in_rows[:, None, :, None, None] & in_columns[:, None, None, :, None]

    def noise_of(seed: UInt32[Array, ""]) -> Float[Array, "h w c"]:
        return jax.random.normal(jax.random.key(seed), (height, width, channels), jnp.float32)

    noise = rearrange(jax.vmap(noise_of)(erasing.seed), "b h w c -> b 1 h w c")
    return jnp.where(inside, noise.astype(video.dtype), video)


def boxes(erasing: Erasing, *, height: int, width: int) -> Boxes:
    """y0, y1, x0, x1 of each clip's box: the first that is drawn and fits, empty where none is."""
    pixels = erasing.area * height * width
    tall = jnp.round(jnp.sqrt(pixels * erasing.ratio)).astype(jnp.int32)
    wide = jnp.round(jnp.sqrt(pixels / erasing.ratio)).astype(jnp.int32)
    fits = (tall < height) & (wide < width)
    first = fits.argmax(-1)[:, None]
    some = erasing.on & fits.any(-1)
    tall, wide = (
        jnp.where(some, jnp.take_along_axis(side, first, axis=-1)[:, 0], 0) for side in (tall, wide)
    )
    # Every whole place from the edge to where the box still fits, each alike.
    y0 = jnp.floor(erasing.row * (height - tall + 1)).astype(jnp.int32)
    x0 = jnp.floor(erasing.column * (width - wide + 1)).astype(jnp.int32)
    return y0, y0 + tall, x0, x0 + wide

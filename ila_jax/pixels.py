"""Pixels as the models take them: minus the mean of their training set, over its deviation."""

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, UInt8

from ila_jax.config import IMAGENET_PIXELS, Normalisation


def normalise(
    video: UInt8[Array, "*s c"] | Float[Array, "*s c"],
    dtype: DTypeLike = jnp.float32,
    *,
    by: Normalisation = IMAGENET_PIXELS,
) -> Float[Array, "*s c"]:
    """Pixels minus their mean, over their deviation, for each colour.

    video: on the scale 0 to 255. by: the mean and the deviation, a model's `config.pixels`.
    """
    # As many axes as the video has: the tests have jax refuse to broadcast to another rank.
    shape = (1,) * (video.ndim - 1) + (3,)
    mean, std = (jnp.asarray(x, dtype).reshape(shape) for x in (by.mean, by.std))
    return (video.astype(dtype) - mean) / std


def normalised(video: Float[Array, "*s c"]) -> Float[Array, "*s c"]:
    """The pixels themselves. Errors: ValueError for those of a file, which are whole numbers."""
    if not jnp.issubdtype(video.dtype, jnp.floating):
        raise ValueError(
            f"pixels are {video.dtype}: expected normalised ones, as ila_jax.pixels.normalise("
            "frames, by=model.config.pixels) makes them"
        )
    return video

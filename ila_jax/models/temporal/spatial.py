"""Spatial attention only: CLIP's block on each frame, the baseline (models.md 2)."""

import jax.numpy as jnp
from flax import nnx

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.shapes import Scalar, Tokens, Training


class SpatialBlock(nnx.Module):
    """Nothing new, no auxiliary loss."""

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)
        self.loss_dtype = dtypes.param

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        y, loss = self.seen(x, training)
        return self.spatial(y), loss

    def seen(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        return x, jnp.zeros((), self.loss_dtype)

"""ATA, alignment-guided temporal attention: tubes that follow matching patches (models.md 5)."""

import jax
import jax.numpy as jnp
from flax import nnx

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.models.temporal.divided import TubeAttention
from ila_jax.models.temporal.matching import composed, gathered, matched, put_back, similarities
from ila_jax.shapes import Scalar, Tokens, Training


class ATABlock(nnx.Module):
    """Divided attention between an alignment without parameters and its inverse.

    Patches are matched between neighbouring frames at the block's input by Kuhn–Munkres. Starts
    as the divided block, so a fresh tower is CLIP's whatever the matching.
    """

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)
        self.temporal = TubeAttention(width, copied=self.spatial, dtypes=dtypes, keys=keys)
        self.loss_dtype = dtypes.param

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        y, loss = self.seen(x, training)
        return self.spatial(y), loss

    def seen(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        patches = x[:, :, 1:]
        with jax.named_scope("matching"):
            pi = composed(matched(similarities(patches)))
        with jax.named_scope("time"):
            x = x.at[:, :, 1:].add(put_back(self.temporal(gathered(patches, pi)), pi))
        return x, jnp.zeros((), self.loss_dtype)

"""Joint space-time attention: one softmax over all tokens of all frames (models.md 3)."""

import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.shapes import Scalar, Tokens, Training


class JointBlock(nnx.Module):
    """CLIP's block with its own weights, over the tokens of a whole clip.

    Each frame keeps its class token. Not CLIP at step 0, but on a static clip, whose frames add
    nothing to each other, it is per-frame attention exactly.
    """

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)
        self.loss_dtype = dtypes.param

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        y, loss = self.seen(x, training)
        return rearrange(self.spatial(y), "b (t n) d -> b t n d", t=x.shape[1]), loss

    def seen(self, x: Tokens, training: Training | None) -> tuple[Float[Array, "b tn d"], Scalar]:
        return rearrange(x, "b t n d -> b (t n) d"), jnp.zeros((), self.loss_dtype)

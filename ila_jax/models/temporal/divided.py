"""Divided space-time attention: along time at each patch, then in each frame (models.md 4)."""

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock, zeros
from ila_jax.models.temporal.block import SpaceTimeBlock, no_loss
from ila_jax.shapes import Scalar, Tokens, Training


class TubeAttention(nnx.Module):
    """W_f·MHA(LN z) + b_f over the frames of each tube of patches.

    The norm and the attention start as copies of the block's own, W_f and b_f at zero in every
    block: so a fresh tower is CLIP's.
    """

    def __init__(self, width: int, *, copied: ResidualBlock, dtypes: Dtypes, keys: Keys):
        self.norm = nnx.clone(copied.norm1)
        self.attn = nnx.clone(copied.attn)
        self.fc = dtypes.linear(width, width, kernel_init=zeros, bias_init=zeros, keys=keys)

    def __call__(self, tubes: Float[Array, "b t p d"]) -> Float[Array, "b t p d"]:
        """What is added to the patches. A tube is a place p in all frames."""
        # The frames become the axis that attention runs over, the places a batch.
        y = self.attn(self.norm(rearrange(tubes, "b t p d -> b p t d")))
        return rearrange(self.fc(y), "b p t d -> b t p d")

    def weights(self, tubes: Float[Array, "b t p d"]) -> Float[Array, "b t s p"]:
        """What each tube gives frame s when it is at frame t, the mean over heads."""
        y = self.norm(rearrange(tubes, "b t p d -> (b p) t d"))
        mean = self.attn.weights(y, y).mean(axis=1)
        return rearrange(mean, "(b p) t s -> b t s p", b=tubes.shape[0])


class DividedBlock(SpaceTimeBlock):
    """Tube attention on the patches (class tokens take no part), then CLIP's block."""

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        # CLIP's block comes first: the attention over time starts as a copy of its attention.
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)
        self.temporal = TubeAttention(width, copied=self.spatial, dtypes=dtypes, keys=keys)

    def in_time(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        """Adds to each patch what the patches in its place in all frames say."""
        with jax.named_scope("time"):
            x = x.at[:, :, 1:].add(self.temporal(x[:, :, 1:]))
        return x, no_loss(x)

    def exchange(self, x: Tokens) -> Float[Array, "b t p s p"]:
        """What each patch gives the patches in its place, and 0 for all others."""
        weights = self.temporal.weights(x[:, :, 1:])
        places = jnp.eye(weights.shape[-1], dtype=weights.dtype)
        return jnp.einsum("btsp,pq->btpsq", weights, places)

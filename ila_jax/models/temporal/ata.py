"""ATA, alignment-guided temporal attention: tubes that follow matching patches (models.md 5)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.models.temporal.block import SpaceTimeBlock, no_loss
from ila_jax.models.temporal.divided import TubeAttention
from ila_jax.models.temporal.matching import composed, gathered, matched, put_back, similarities
from ila_jax.shapes import Scalar, Tokens, Training


class ATABlock(SpaceTimeBlock):
    """Divided attention between an alignment without parameters and its inverse.

    Patches are matched between neighbouring frames at the block's input by Kuhn–Munkres. Starts
    as the divided block, so a fresh tower is CLIP's whatever the matching.
    """

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        # CLIP's block comes first: the attention over time starts as a copy of its attention.
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)
        self.temporal = TubeAttention(width, copied=self.spatial, dtypes=dtypes, keys=keys)

    def in_time(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        """Adds to each patch what the patches that it was matched with say."""
        patches = x[:, :, 1:]
        with jax.named_scope("matching"):
            pi = composed(self.matching(x))
        with jax.named_scope("time"):
            # In between, tubes run along the matches; what they give goes back to where the
            # patches are in their own frames, as attention in space knows places.
            x = x.at[:, :, 1:].add(put_back(self.temporal(gathered(patches, pi)), pi))
        return x, no_loss(x)

    def exchange(self, x: Tokens) -> Float[Array, "b t p s p"]:
        """What each patch gives the patches that it was matched with, and 0 for all others."""
        pi = composed(self.matching(x))
        weights = self.temporal.weights(gathered(x[:, :, 1:], pi))
        # Of each tube, the patch that it goes through in every frame.
        places = jax.nn.one_hot(pi, pi.shape[-1], dtype=weights.dtype)
        return jnp.einsum("btsi,btip,bsiq->btpsq", weights, places, places)

    def matching(self, x: Tokens) -> Int[Array, "b s p"]:
        """The patch of the next frame that each patch is matched to, at the block's input."""
        return matched(similarities(x[:, :, 1:]))

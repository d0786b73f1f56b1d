"""ILA as the paper has it: one mutual-information token a frame (models.md 7b)."""

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.models.temporal.alignment import alignment_loss, mask, neighbours
from ila_jax.models.temporal.interaction import INTERACTIONS, PointPrediction
from ila_jax.shapes import Scalar, Tokens, Training


class TokenAlignment(nnx.Module):
    """The masked patches of a frame, pooled into one token."""

    def __init__(self, width: int, *, convolutions: str, channels: int, dtypes: Dtypes, keys: Keys):
        self.interaction = INTERACTIONS[convolutions](width, channels, dtypes=dtypes, keys=keys)
        self.prediction = PointPrediction(channels, dtypes=dtypes, keys=keys)

    def __call__(
        self, z: Float[Array, "b t g g d"], training: Training | None
    ) -> tuple[Float[Array, "b t d"], Scalar]:
        """The tokens and the alignment loss. Errors: ValueError for a single frame."""
        if z.shape[1] < 2:
            raise ValueError("ILA aligns neighbouring frames: a clip needs at least 2, found 1")
        train = training is not None
        points = self.prediction(self.interaction(neighbours(z), training=train), training=train)
        noise = None if training is None else training.noise.astype(points.dtype)
        masks = rearrange(
            mask(points, z.shape[2], noise), "(b s) two h w -> two b s h w", s=z.shape[1] - 1
        )
        previous, current = masks
        # Frame 1 is the first of the pair (1, 2), frame t ≥ 2 the second of (t − 1, t).
        weight = jnp.concatenate([previous[:, :1], current], axis=1).astype(z.dtype)
        token = (weight[..., None] * z).mean(axis=(2, 3))
        return token, alignment_loss(previous, current, z)


class ILATokenBlock(nnx.Module):
    """CLIP's block, whose attention also sees the frame's token; the MLP does not."""

    def __init__(self, width: int, *, convolutions: str, channels: int, dtypes: Dtypes, keys: Keys):
        self.temporal = TokenAlignment(
            width, convolutions=convolutions, channels=channels, dtypes=dtypes, keys=keys
        )
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        grid = round((x.shape[2] - 1) ** 0.5)
        with jax.named_scope("alignment"):
            z = rearrange(x[:, :, 1:], "b t (h w) d -> b t h w d", h=grid)
            token, loss = self.temporal(z, training)
        return self.spatial.beside(x, token), loss

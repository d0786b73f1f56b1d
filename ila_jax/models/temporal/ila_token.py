"""ILA as the paper has it: one mutual-information token a frame (models.md 7b)."""

import jax
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock, with_token
from ila_jax.models.temporal.alignment import alignment_loss, one_a_frame
from ila_jax.models.temporal.interaction import (
    INTERACTIONS,
    Alignment,
    PointPrediction,
    align,
)
from ila_jax.shapes import Scalar, Tokens, Training


class TokenAlignment(nnx.Module):
    """The masked patches of a frame, pooled into one token."""

    def __init__(self, width: int, *, convolutions: str, channels: int, dtypes: Dtypes, keys: Keys):
        self.interaction = INTERACTIONS[convolutions](width, channels, dtypes=dtypes, keys=keys)
        self.prediction = PointPrediction(channels, dtypes=dtypes, keys=keys)

    def align(self, z: Float[Array, "b t g g d"], training: Training | None) -> Alignment:
        """Errors: ValueError for a single frame."""
        return align(self.interaction, self.prediction, z, training)

    def __call__(
        self, z: Float[Array, "b t g g d"], training: Training | None
    ) -> tuple[Float[Array, "b t d"], Scalar]:
        """The tokens and the alignment loss."""
        found = self.align(z, training)
        weight = one_a_frame(found.previous, found.current).astype(z.dtype)
        token = (weight[..., None] * z).mean(axis=(2, 3))
        return token, alignment_loss(found.previous, found.current, z)


class ILATokenBlock(nnx.Module):
    """CLIP's block, whose attention also sees the frame's token; the MLP does not."""

    def __init__(self, width: int, *, convolutions: str, channels: int, dtypes: Dtypes, keys: Keys):
        self.temporal = TokenAlignment(
            width, convolutions=convolutions, channels=channels, dtypes=dtypes, keys=keys
        )
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        y, loss = self.seen(x, training)
        return self.spatial.beside(y), loss

    def seen(self, x: Tokens, training: Training | None) -> tuple[Float[Array, "b t n1 d"], Scalar]:
        with jax.named_scope("alignment"):
            token, loss = self.temporal(self.maps(x), training)
        return with_token(x, token), loss

    def look(self, x: Tokens) -> tuple[Alignment, Float[Array, "b t g g"]]:
        """What it sees in inference, and the weight that gives the patches of every frame."""
        found = self.temporal.align(self.maps(x), None)
        return found, one_a_frame(found.previous, found.current)

    def maps(self, x: Tokens) -> Float[Array, "b t g g d"]:
        """The patches that are aligned, as a grid."""
        grid = round((x.shape[2] - 1) ** 0.5)
        return rearrange(x[:, :, 1:], "b t (h w) d -> b t h w d", h=grid)

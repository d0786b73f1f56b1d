"""ILA as the paper has it: one mutual-information token a frame (models.md 7b)."""

import jax
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock, with_token
from ila_jax.models.temporal.alignment import alignment_loss, one_a_frame
from ila_jax.models.temporal.block import SpaceTimeBlock, patch_maps
from ila_jax.models.temporal.interaction import INTERACTIONS, AlignmentForm, PointPrediction, align
from ila_jax.shapes import Alignment, Scalar, Tokens, Training


class TokenAlignment(nnx.Module):
    """The masked patches of a frame, pooled into one token."""

    def __init__(self, width: int, *, form: AlignmentForm, dtypes: Dtypes, keys: Keys):
        self.interaction = INTERACTIONS[form.convolutions](
            width, form.channels, dtypes=dtypes, keys=keys
        )
        self.prediction = PointPrediction(
            form.channels, points=form.points, dtypes=dtypes, keys=keys
        )

    def align(self, z: Float[Array, "b t g g d"], training: Training | None) -> Alignment:
        """A frame weighs by the one mask of the pair that it is the current frame of.

        Errors: ValueError for a single frame.
        """
        return align(self.interaction, self.prediction, z, training, per_frame=one_a_frame)

    def __call__(
        self, z: Float[Array, "b t g g d"], training: Training | None
    ) -> tuple[Float[Array, "b t d"], Scalar]:
        """A token for each frame, and the alignment loss."""
        alignment = self.align(z, training)
        # A mean over the whole map, not over the mask: a narrow mask makes a short token.
        token = (alignment.weights.astype(z.dtype)[..., None] * z).mean(axis=(2, 3))
        return token, alignment_loss(alignment.previous, alignment.current, z)


class ILATokenBlock(SpaceTimeBlock):
    """CLIP's block, whose attention also sees the frame's token; the MLP does not."""

    def __init__(self, width: int, *, form: AlignmentForm, dtypes: Dtypes, keys: Keys):
        self.temporal = TokenAlignment(width, form=form, dtypes=dtypes, keys=keys)
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

    def in_time(
        self, x: Tokens, training: Training | None
    ) -> tuple[Float[Array, "b t n1 d"], Scalar]:
        """The tokens of each frame, and behind them the one of its masked patches."""
        with jax.named_scope("alignment"):
            token, loss = self.temporal(patch_maps(x), training)
        return with_token(x, token), loss

    def in_space(self, y: Float[Array, "b t n1 d"], *, frames: int) -> Tokens:
        """CLIP's block, in which the token is read and then dropped."""
        return self.spatial.dropping_last(y)

    def alignment(self, x: Tokens) -> Alignment:
        """Points and masks on the block's own input: this form has no messages."""
        return self.temporal.align(patch_maps(x), None)

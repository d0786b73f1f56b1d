"""ILA, the released form: align neighbouring frames by learnt masks (models.md 7a)."""

from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.convolutions import TemporalConv
from ila_jax.models.layers import Dtypes, Keys, ResidualBlock, composed, zeros
from ila_jax.models.temporal.alignment import alignment_loss, per_frame
from ila_jax.models.temporal.block import SpaceTimeBlock, as_maps
from ila_jax.models.temporal.interaction import INTERACTIONS, AlignmentForm, PointPrediction, align
from ila_jax.shapes import Alignment, Scalar, Tokens, Training


class ImplicitAlignment(nnx.Module):
    """Steps 1 to 9: from tokens to what is added to them, and to the alignment loss."""

    def __init__(self, width: int, *, form: AlignmentForm, dtypes: Dtypes, keys: Keys):
        half = form.channels // 2
        self.message = dtypes.linear(width, width, keys=keys)
        self.message_norm = dtypes.layer_norm(width, keys=keys)
        self.interaction = INTERACTIONS[form.convolutions](
            width, form.channels, dtypes=dtypes, keys=keys
        )
        self.prediction = PointPrediction(
            form.channels, points=form.points, dtypes=dtypes, keys=keys
        )
        self.conv = TemporalConv(half, dtypes=dtypes, keys=keys)
        self.fc = dtypes.linear(half, width, keys=keys)
        # Both zero, so that a fresh block is CLIP's: training starts from what CLIP knows.
        zero: dict[str, Any] = {"kernel_init": zeros, "bias_init": zeros}
        self.skip_aligned = dtypes.linear(width, width, keys=keys, **zero)
        self.skip_interactive = dtypes.linear(width, width, keys=keys, **zero)

    def messages(self, x: Tokens) -> tuple[Float[Array, "b t 1 d"], Float[Array, "b t g g d"]]:
        """The class tokens and the maps u that are aligned (step 1)."""
        # Class tokens go the same way, but are not aligned: they take their slot again at the end.
        u_class, patches = jnp.split(self.message_norm(self.message(x)), [1], axis=2)
        return u_class, as_maps(patches)

    def align(self, u: Float[Array, "b t g g d"], training: Training | None) -> Alignment:
        """A frame weighs by the mean of the masks of both its pairs.

        Errors: ValueError for a single frame.
        """
        return align(self.interaction, self.prediction, u, training, per_frame=per_frame)

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        """What is added to the tokens, and the alignment loss."""
        u_class, u = self.messages(x)
        alignment = self.align(u, training)
        aligned = alignment.weights.astype(u.dtype)[..., None] * u
        # The first half of the features is of a pair's previous frame, the second of its current.
        halves = jnp.split(alignment.interactive, 2, axis=-1)
        features = self.conv(per_frame(*halves))
        # The inference form has W_i W_c ready (inference_form.py); training makes it every step.
        add = self.added if training is None else self._added_by_product
        added = add(u_class, aligned, features)
        return added, alignment_loss(alignment.previous, alignment.current, u)

    def added(
        self,
        u_class: Float[Array, "b t 1 d"],
        aligned: Float[Array, "b t g g d"],
        features: Float[Array, "b t g g c"],
    ) -> Tokens:
        """What is added to the tokens: the linear maps behind the convolution over time (7, 8)."""
        interactive = self.fc(features)
        return self.skip_aligned(as_tokens(u_class, aligned)) + self.skip_interactive(
            as_tokens(u_class, interactive)
        )

    def _added_by_product(
        self,
        u_class: Float[Array, "b t 1 d"],
        aligned: Float[Array, "b t g g d"],
        features: Float[Array, "b t g g c"],
    ) -> Tokens:
        """The same by W_i W_c, c·d² multiplications a step, for d² less at every place."""
        kernel, bias = composed(self.fc, self.skip_interactive)
        rows = rearrange(features, "b t h w c -> (b t h w) c")
        interactive = (rows @ kernel.astype(rows.dtype)).reshape(aligned.shape)
        interactive += bias.astype(rows.dtype)[None, None, None, None]
        return self.skip_aligned(as_tokens(u_class, aligned)) + as_tokens(
            self.skip_interactive(u_class), interactive
        )


class ILABlock(SpaceTimeBlock):
    """Implicit alignment, then CLIP's untouched block on each frame."""

    def __init__(self, width: int, *, form: AlignmentForm, dtypes: Dtypes, keys: Keys):
        self.temporal = ImplicitAlignment(width, form=form, dtypes=dtypes, keys=keys)
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

    def in_time(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        """Adds the aligned and the interactive maps to the tokens."""
        with jax.named_scope("alignment"):
            added, loss = self.temporal(x, training)
        return x + added, loss

    def alignment(self, x: Tokens) -> Alignment:
        """Points and masks on the messages, not on the tokens themselves."""
        return self.temporal.align(self.temporal.messages(x)[1], None)


def as_tokens(class_token: Float[Array, "b t 1 d"], maps: Float[Array, "b t g g d"]) -> Tokens:
    """Maps as patch tokens again, behind a class token."""
    patches = rearrange(maps, "b t h w d -> b t (h w) d")
    return jnp.concatenate([class_token, patches], axis=2)

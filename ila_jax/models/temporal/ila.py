"""ILA, the released form: align neighbouring frames by learnt masks (models.md 7a)."""

from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.convolutions import TemporalConv
from ila_jax.models.layers import Dtypes, Keys, ResidualBlock, zeros
from ila_jax.models.temporal.alignment import alignment_loss, per_frame
from ila_jax.models.temporal.interaction import (
    INTERACTIONS,
    Alignment,
    PointPrediction,
    align,
)
from ila_jax.shapes import Scalar, Tokens, Training


class ImplicitAlignment(nnx.Module):
    """Steps 1 to 9: tokens in, what is added to them and the alignment loss out."""

    def __init__(self, width: int, *, convolutions: str, channels: int, dtypes: Dtypes, keys: Keys):
        half = channels // 2
        self.message = dtypes.linear(width, width, keys=keys)
        self.message_norm = dtypes.layer_norm(width, keys=keys)
        self.interaction = INTERACTIONS[convolutions](width, channels, dtypes=dtypes, keys=keys)
        self.prediction = PointPrediction(channels, dtypes=dtypes, keys=keys)
        self.conv = TemporalConv(half, dtypes=dtypes, keys=keys)
        self.fc = dtypes.linear(half, width, keys=keys)
        # Both zero, so that a fresh block is CLIP's.
        zero: dict[str, Any] = {"kernel_init": zeros, "bias_init": zeros}
        self.skip_aligned = dtypes.linear(width, width, keys=keys, **zero)
        self.skip_interactive = dtypes.linear(width, width, keys=keys, **zero)

    def messages(self, x: Tokens) -> tuple[Array, Float[Array, "b t g g d"]]:
        """The class tokens [b t 1 d] and the maps u that are aligned."""
        u = self.message_norm(self.message(x))
        grid = round((x.shape[2] - 1) ** 0.5)
        return u[:, :, :1], rearrange(u[:, :, 1:], "b t (h w) d -> b t h w d", h=grid)

    def align(self, u: Float[Array, "b t g g d"], training: Training | None) -> Alignment:
        """Errors: ValueError for a single frame."""
        return align(self.interaction, self.prediction, u, training)

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        u_class, u = self.messages(x)
        found = self.align(u, training)
        weight = per_frame(found.previous, found.current).astype(u.dtype)
        aligned = weight[..., None] * u
        halves = jnp.split(found.interactive, 2, axis=-1)
        interactive = self.fc(self.conv(per_frame(*halves)))
        added = self.skip_aligned(_tokens(u_class, aligned)) + self.skip_interactive(
            _tokens(u_class, interactive)
        )
        return added, alignment_loss(found.previous, found.current, u)


class ILABlock(nnx.Module):
    """Implicit alignment, then CLIP's untouched block on each frame."""

    def __init__(self, width: int, *, convolutions: str, channels: int, dtypes: Dtypes, keys: Keys):
        self.temporal = ImplicitAlignment(
            width, convolutions=convolutions, channels=channels, dtypes=dtypes, keys=keys
        )
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        y, loss = self.seen(x, training)
        return self.spatial(y), loss

    def seen(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        with jax.named_scope("alignment"):
            added, loss = self.temporal(x, training)
        return x + added, loss

    def look(self, x: Tokens) -> tuple[Alignment, Float[Array, "b t g g"]]:
        """What it sees in inference, and the weight that gives the patches of every frame."""
        found = self.temporal.align(self.temporal.messages(x)[1], None)
        return found, per_frame(found.previous, found.current)


def _tokens(class_token: Array, maps: Float[Array, "b t g g d"]) -> Tokens:
    patches = rearrange(maps, "b t h w d -> b t (h w) d")
    return jnp.concatenate([class_token, patches], axis=2)

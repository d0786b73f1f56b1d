"""X-CLIP: frames exchange messages before each attends to itself (models.md 6)."""

import jax
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Attention, Dtypes, Keys, ResidualBlock, with_token
from ila_jax.models.temporal.block import SpaceTimeBlock, no_loss
from ila_jax.shapes import Scalar, Tokens, Training


class MessagePassing(nnx.Module):
    """One message a frame, from its class token: m = W x_cls + b; m += MHA(LN m) over the frames.

    Starts as PyTorch starts its layers, nothing at zero: a fresh block is not CLIP's.
    """

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.message = dtypes.linear(width, width, keys=keys)
        self.message_norm = dtypes.layer_norm(width, keys=keys)
        self.attn = Attention(width, dtypes=dtypes, keys=keys)

    def __call__(self, class_tokens: Float[Array, "b t d"]) -> Float[Array, "b t d"]:
        """A message for each frame, which has read those of all frames."""
        # Messages have no positions: the block is blind to the order of frames.
        m = self.message(class_tokens)
        return m + self.attn(self.message_norm(m))


class CrossFrameBlock(SpaceTimeBlock):
    """CLIP's block, whose attention also sees the frame's message; the MLP does not."""

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.temporal = MessagePassing(width, dtypes=dtypes, keys=keys)
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

    def in_time(
        self, x: Tokens, training: Training | None
    ) -> tuple[Float[Array, "b t n1 d"], Scalar]:
        """The tokens of each frame, its message behind them."""
        with jax.named_scope("messages"):
            message = self.temporal(x[:, :, 0])
        return with_token(x, message), no_loss(x)

    def in_space(self, y: Float[Array, "b t n1 d"], *, frames: int) -> Tokens:
        """CLIP's block, in which the message is read and then dropped."""
        return self.spatial.dropping_last(y)

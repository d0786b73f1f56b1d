"""Joint space-time attention: one softmax over all tokens of all frames (models.md 3)."""

from einops import rearrange
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.models.temporal.block import SpaceTimeBlock, no_loss
from ila_jax.shapes import Scalar, Tokens, Training


class JointBlock(SpaceTimeBlock):
    """CLIP's block with its own weights, over the tokens of a whole clip.

    Each frame keeps its class token. Not CLIP at step 0, but on a static clip, whose frames add
    nothing to each other, it is per-frame attention exactly.
    """

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

    def in_time(
        self, x: Tokens, training: Training | None
    ) -> tuple[Float[Array, "b tn d"], Scalar]:
        """The frames of a clip one after the other, as if they were one large frame."""
        return rearrange(x, "b t n d -> b (t n) d"), no_loss(x)

    def in_space(self, y: Float[Array, "b tn d"], *, frames: int) -> Tokens:
        """CLIP's block on a clip's tokens, which are then parted into frames again."""
        return rearrange(self.spatial(y), "b (t n) d -> b t n d", t=frames)

    def class_attention(self, x: Tokens) -> Float[Array, "b t a tn"]:
        """What each frame's class token gives the tokens of all frames."""
        y = self.spatial.norm1(self.in_time(x, None)[0])
        # Only class tokens ask, all tokens answer: the full map of tokens by tokens is not needed.
        class_tokens = y[:, :: x.shape[2]]  # every frame starts with its own
        weights = self.spatial.attn.weights(class_tokens, y)
        return rearrange(weights, "b a t m -> b t a m")

    def exchange(self, x: Tokens) -> Float[Array, "b t p s p"]:
        """What each patch gives the patches of all frames; less than 1 in sum, without the rest."""
        y = self.spatial.norm1(self.in_time(x, None)[0])
        mean = self.spatial.attn.weights(y, y).mean(axis=1)
        apart = rearrange(mean, "b (t n) (s m) -> b t n s m", t=x.shape[1], s=x.shape[1])
        return apart[:, :, 1:, :, 1:]

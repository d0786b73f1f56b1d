"""Multi-frame integration: X-CLIP's transformer over the frames' class tokens (models.md 1).

And what plain CLIP has in its place.
"""

from einops import rearrange
from flax import nnx

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock, small_normal, unit
from ila_jax.shapes import ClassTokens, Features


class MultiFrameIntegration(nnx.Module):
    """v = mean_t(block(c + M) + c): one layer; M is one learnt vector for each frame.

    Without positions M is 0, and v does not know the order of its frames.
    """

    def __init__(
        self, frames: int, embed: int, *, positions: bool = True, dtypes: Dtypes, keys: Keys
    ):
        self.frames = frames
        self.ordered = positions
        if positions:
            self.positions = nnx.Param(small_normal(keys.params(), (frames, embed), dtypes.param))
        self.block = ResidualBlock(embed, dtypes=dtypes, linear_init=small_normal, keys=keys)

    def __call__(self, c: ClassTokens) -> Features:
        """One feature for each clip.

        Errors: ValueError for another number of frames than the positions were made for.
        """
        if c.shape[1] != self.frames:
            raise ValueError(
                f"the clip has {c.shape[1]} frames, the model was made for {self.frames}: "
                "sample that many, or build the model with frames set to what you have"
            )
        # c is added once more after the block, which has residuals of its own, and without M: so in
        # X-CLIP (models.md 1).
        y = c
        if self.ordered:
            y = c + rearrange(self.positions[...].astype(c.dtype), "t e -> 1 t e")
        return (self.block(y) + c).mean(axis=1)


class FrameMean(nnx.Module):
    """v = mean_t(c/|c|), of length 1 only where all frames are alike: plain CLIP (models.md 10)."""

    def __call__(self, c: ClassTokens) -> Features:
        """One feature for each clip, of any number of frames."""
        return unit(c).mean(axis=1)

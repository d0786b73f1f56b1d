"""What all temporal blocks share: a step in time, then CLIP's own block (models.md 1)."""

import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float, Int

from ila_jax.models.layers import ResidualBlock
from ila_jax.shapes import Alignment, Scalar, Tokens, Training


class SpaceTimeBlock(nnx.Module):
    """A `TemporalBlock` that leaves time out; each temporal model overrides what it does otherwise.

    Subclasses set `spatial`, CLIP's block, and all that is new in them as `temporal`: weights of
    CLIP are found by the first name, and the learning rates of new parameters by the second. Under
    another name a new module is taken for CLIP's own: it is trained at the tower's rate, or frozen
    with it, and no error says so (train/parameter_groups.py tells how to check).
    """

    spatial: ResidualBlock

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        """Time first: attention in space then reads what the frames have exchanged."""
        y, loss = self.in_time(x, training)
        return self.in_space(y, frames=x.shape[1]), loss

    def in_time(
        self, x: Tokens, training: Training | None
    ) -> tuple[Float[Array, "b *m d"], Scalar]:
        """Leaves the tokens as they are: no exchange between frames, no loss."""
        return x, no_loss(x)

    def in_space(self, y: Float[Array, "b *m d"], *, frames: int) -> Tokens:
        """CLIP's block on each frame. frames: t, for models that have folded it into the tokens."""
        return self.spatial(y)

    def class_attention(self, x: Tokens) -> Float[Array, "b t a m"]:
        """What each frame's class token, its first, gives the tokens of its own frame."""
        # Attention takes the tokens after the step in time, normalised: so must what reads it.
        y = self.spatial.norm1(self.in_time(x, None)[0])
        flat = rearrange(y, "b t m d -> (b t) m d")
        weights = self.spatial.attn.weights(flat[:, :1], flat)
        return rearrange(weights, "(b t) a 1 m -> b t a m", t=x.shape[1])

    def alignment(self, x: Tokens) -> Alignment | None:
        """None: no points and no masks."""
        return None

    def exchange(self, x: Tokens) -> Float[Array, "b t p s p"] | None:
        """None: patches take nothing from the patches of other frames."""
        return None

    def matching(self, x: Tokens) -> Int[Array, "b s p"] | None:
        """None: patches are not matched."""
        return None


def no_loss(x: Tokens) -> Scalar:
    """The auxiliary loss of a model that has none: 0, in float32 or wider as all losses are."""
    return jnp.zeros((), jnp.promote_types(x.dtype, jnp.float32))


def patch_maps(x: Tokens) -> Float[Array, "b t g g d"]:
    """The patch tokens of each frame as a map, the class token left out."""
    return as_maps(x[:, :, 1:])


def as_maps(patches: Float[Array, "b t p d"]) -> Float[Array, "b t g g d"]:
    """Patch tokens alone as maps: frames are square."""
    grid = round(patches.shape[2] ** 0.5)
    return rearrange(patches, "b t (h w) d -> b t h w d", h=grid)

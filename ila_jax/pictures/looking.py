"""What a recognizer looks at in clips, on the host."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from ila_jax.config import ModelConfig
from ila_jax.models.inspection import heat, look, on_patches
from ila_jax.models.layers import Dtypes
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer, pixels


@dataclass(frozen=True)
class Aligned:
    """Of the D blocks of ILA, s = t − 1 pairs of frames.

    points: (x, y) in the earlier and the later frame of a pair. earlier, later: the masks around
    them. masks: what the patches of every frame are weighed with.
    """

    points: Float[np.ndarray, "b D s 2 2"]
    earlier: Float[np.ndarray, "b D s g g"]
    later: Float[np.ndarray, "b D s g g"]
    masks: Float[np.ndarray, "b D t g g"]


@dataclass(frozen=True)
class Looked:
    """Of the D blocks of a model. heat: the L2 norm of every patch's token after a block.

    attention: of the class tokens to the patches. aligned: None for models that do not align.
    """

    heat: Float[np.ndarray, "b D t g g"]
    attention: Float[np.ndarray, "b D t g g"]
    aligned: Aligned | None

    @property
    def blocks(self) -> int:
        return self.heat.shape[1]

    @property
    def middle(self) -> int:
        """The block that ends the first half of the tower, D/2, counted from 0."""
        return max(self.blocks // 2, 1) - 1


def looked(recognizer: Recognizer, clips: UInt8[np.ndarray, "b t h w 3"]) -> Looked:
    """What the blocks see in clips of the size that the model takes. The head has no part in it."""
    found = _looked(recognizer.config, recognizer.variables, jnp.asarray(clips))
    maps = {name: np.asarray(values, np.float32) for name, values in found.items()}
    heat, attention = maps.pop("heat"), maps.pop("attention")
    return Looked(heat, attention, Aligned(**maps) if maps else None)


@functools.partial(jax.jit, static_argnums=0)
def _looked(config: ModelConfig, variables: Variables, clips: Array) -> dict[str, Array]:
    """The fields of `Looked` and `Aligned`, the blocks on the second axis."""
    seen = look(config, variables, pixels(config, clips))
    wide = Dtypes.of(config.precision).param  # squares of a token's numbers are summed
    found = {
        "heat": [heat(block.tokens.astype(wide)) for block in seen],
        "attention": [on_patches(block) for block in seen],
    }
    alignments = [block.alignment for block in seen if block.alignment is not None]
    if alignments:
        found |= {
            "points": [each.points for each in alignments],
            "earlier": [each.previous for each in alignments],
            "later": [each.current for each in alignments],
            "masks": [block.masks for block in seen if block.masks is not None],
        }
    return {name: jnp.stack(values, axis=1) for name, values in found.items()}

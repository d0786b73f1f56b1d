"""Computes what a recognizer looks at in clips: maps of each block, as arrays on the host."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from ila_jax.config import ModelConfig
from ila_jax.models.forward import pixels
from ila_jax.models.inspection import heat, look, on_patches
from ila_jax.models.layers import Dtypes
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer


@dataclass(frozen=True)
class AlignmentMaps:
    """Masks and points of the D blocks of ILA, for s = t − 1 pairs of frames.

    points: (x, y) in the earlier and the later frame of a pair. earlier, later: the masks around
    them. masks: what the patches of every frame are weighed with.
    """

    points: Float[np.ndarray, "b D s 2 2"]
    earlier: Float[np.ndarray, "b D s g g"]
    later: Float[np.ndarray, "b D s g g"]
    masks: Float[np.ndarray, "b D t g g"]


@dataclass(frozen=True)
class BlockMaps:
    """Maps over the g × g patches of each frame, for the D blocks of a model.

    heat: the L2 norm of every patch's token after a block.
    attention: the class tokens' attention to the patches. aligned: None for models that do not
    align.
    """

    heat: Float[np.ndarray, "b D t g g"]
    attention: Float[np.ndarray, "b D t g g"]
    aligned: AlignmentMaps | None

    @property
    def blocks(self) -> int:
        """The number D of blocks."""
        return int(self.heat.shape[1])

    @property
    def middle(self) -> int:
        """The block that ends the first half of the tower, D/2, counted from 0."""
        return max(self.blocks // 2, 1) - 1


def block_maps(recognizer: Recognizer, clips: UInt8[np.ndarray, "b t h w 3"]) -> BlockMaps:
    """What the blocks see in clips of the size that the model takes. The head has no part in it."""
    arrays = _maps_of(recognizer.config, recognizer.variables, jnp.asarray(clips))
    # float32 for all precisions, as OpenCV takes no bfloat16.
    maps = {name: np.asarray(values, np.float32) for name, values in arrays.items()}
    heat, attention = maps.pop("heat"), maps.pop("attention")
    return BlockMaps(heat, attention, AlignmentMaps(**maps) if maps else None)


@functools.partial(jax.jit, static_argnums=0)
def _maps_of(config: ModelConfig, variables: Variables, clips: Array) -> dict[str, Array]:
    """The fields of `BlockMaps` and `AlignmentMaps`, the blocks on the second axis."""
    blocks = look(config, variables, pixels(config, clips))
    # In the width of the parameters: the norm sums the squares of hundreds of numbers, which
    # bfloat16 would round.
    wide = Dtypes.of(config.precision).param
    by_name = {
        "heat": [heat(block.tokens.astype(wide)) for block in blocks],
        "attention": [on_patches(block) for block in blocks],
    }
    alignments = [block.alignment for block in blocks if block.alignment is not None]
    # ILA's token form aligns too; models that do not have none of these maps.
    if alignments:
        by_name |= {
            "points": [alignment.points for alignment in alignments],
            "earlier": [alignment.previous for alignment in alignments],
            "later": [alignment.current for alignment in alignments],
            "masks": [block.masks for block in blocks if block.masks is not None],
        }
    return {name: jnp.stack(values, axis=1) for name, values in by_name.items()}

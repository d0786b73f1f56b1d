"""What a training step takes of a device's memory, from shapes alone: nothing is made or compiled.

What lies there between steps is exact. What a step adds is an estimate (memory.md).
"""

import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax.sharding import AbstractMesh, Mesh
from jax.tree_util import tree_leaves

from ila_jax.config import Config
from ila_jax.job.sharding import shardings
from ila_jax.models.layers import Dtypes
from ila_jax.train.dry_run.kept import Kept
from ila_jax.train.dry_run.shapes import clip_shape, text_shape
from ila_jax.train.parameter_groups import partition
from ila_jax.train.recipe import Recipe
from ila_jax.train.state import State

# The share of what a step adds that is allowed for what the estimate misses (memory.md).
MARGIN = 0.15
# Of the clips while they are augmented: what an operation reads, and what it writes.
_FLOAT_COPIES = 2
# How often split weights are there whole: gathered, and as gradients before and after these are
# added up over devices. So XLA plans for a B/32 on 8 devices of a CPU (memory.md).
_GATHERED = 3
_LABEL_BYTES = 4  # an int32 beside a clip's uint8


@dataclass(frozen=True)
class Memory:
    """Bytes that one device holds, by what they are for.

    batch: the device's clips of the whole batch, uint8, and the classes' features. kept: what the
    forward pass keeps for the backward pass. again: what one block takes beyond that while it is
    computed again. gradients: whole also where the weights are split over devices. summed: the sum
    of the parts' gradients with accumulation, beside those of a part. gathered: where weights are
    split, what XLA gathers of them and of their gradients. updated: the trained weights after a
    step, which lie beside those before it until the norms of the updates are taken. augmentation:
    float copies of a part's clips.
    """

    parameters: int
    optimizer: int
    average: int
    statistics: int
    batch: int
    kept: int
    again: int
    gradients: int
    summed: int
    gathered: int
    updated: int
    augmentation: int

    @property
    def state(self) -> int:
        """Bytes of what a checkpoint holds."""
        return self.parameters + self.optimizer + self.average + self.statistics

    @property
    def arguments(self) -> int:
        """Bytes of what a step is given; arguments is XLA's word for it."""
        return self.state + self.batch

    @property
    def working(self) -> int:
        """Bytes of what only a step needs, beyond its batch: the most that is there at a time."""
        # What a block has kept goes when its gradients come. Both change evenly from block to
        # block, so that the most is there at one end of the backward pass.
        passes = max(self.kept, self.gradients) + self.again + self.summed + self.gathered
        return max(self.augmentation, passes, self.gradients + self.updated)

    @property
    def margin(self) -> int:
        """Bytes that the estimate may be short of."""
        return round(MARGIN * self.working)

    @property
    def total(self) -> int:
        """Bytes of everything together, with the margin."""
        return self.arguments + self.working + self.margin


def memory(
    recipe: Recipe, state: State, mesh: Mesh | AbstractMesh, kept: Kept, whole: Kept | None = None
) -> Memory:
    """What a training step takes of one device of a mesh.

    state: of the run, or its shapes, as `abstract_state` gives them. kept: of the recipe's own
    model. whole: of the same model without rematerialisation, which tells what a block takes while
    it is computed again; None where no block is.
    """
    config = recipe.config
    trainable, _ = partition(state["params"], recipe.lr_factors)
    parts = config.train.accumulation
    # Every device takes its part of a batch, over both axes of the mesh; of that, one part at a
    # time is computed, but all of it lies there.
    # Rounded up, for the device that has the most of them.
    clips = math.ceil(config.train.batch / mesh.size)
    part = math.ceil(clips / parts)
    values = math.prod(clip_shape(config))
    text = text_shape(recipe)
    gradients, updated = _bytes(trainable), held(mesh, {"params": trainable})
    # A block that is computed again has what it keeps all the time, too.
    again = 0.0 if whole is None else whole.block - kept.block
    return Memory(
        parameters=held(mesh, {"params": state["params"]}),
        optimizer=held(mesh, {"opt_state": state["opt_state"]}),
        average=held(mesh, {"ema": state["ema"]}),
        statistics=held(mesh, {"batch_stats": state["batch_stats"]}),
        batch=clips * (values + _LABEL_BYTES) + (0 if text is None else _bytes(text)),
        kept=round(kept.fixed + kept.clip * part),
        again=round(again * part),
        gradients=gradients,
        summed=0 if parts == 1 else gradients,
        gathered=_GATHERED * gradients if updated < gradients else 0,
        updated=updated,
        # Clips are augmented in the parameters' dtype (train/gradients.py).
        augmentation=_FLOAT_COPIES * part * values * _param(config).itemsize,
    )


def held(mesh: Mesh | AbstractMesh, tree: Any) -> int:
    """Bytes that one device of a mesh holds of a part of a state, such as {"params": …}."""
    where = tree_leaves(shardings(mesh, tree))
    return sum(
        math.prod(sharding.shard_shape(x.shape)) * x.dtype.itemsize
        for x, sharding in zip(tree_leaves(tree), where, strict=True)
    )


def _param(config: Config) -> Any:
    return jnp.dtype(Dtypes.of(config.model.precision).param)


def _bytes(tree: Any) -> int:
    return sum(x.size * x.dtype.itemsize for x in tree_leaves(tree))

"""What a training step takes of a device's memory, from shapes alone: nothing is made or compiled.

What lies there between steps is exact. What a step adds is an estimate: of the arrays that JAX
hands from the forward to the backward pass, of which XLA keeps fewer (memory.md).
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import AbstractMesh, Mesh
from jax.tree_util import tree_leaves

from ila_jax.config import Config
from ila_jax.job.sharding import shardings
from ila_jax.models import model
from ila_jax.models.layers import Dtypes
from ila_jax.models.model import Variables
from ila_jax.shapes import Training
from ila_jax.train.gradients import objective
from ila_jax.train.parameter_groups import partition
from ila_jax.train.recipe import Recipe, lr_factors_of
from ila_jax.train.state import State

# The share of what a step adds that is allowed for what the estimate misses (memory.md).
MARGIN = 0.2
# Of the clips while they are augmented: what an operation reads, and what it writes.
_FLOAT_COPIES = 2
_LABEL_BYTES = 4  # an int32 beside a clip's uint8


@dataclass(frozen=True)
class Memory:
    """Bytes that one device holds, by what they are for.

    batch: the device's clips of the whole batch, uint8, and the classes' features. gradients: twice
    with accumulation, a part's and the sum; whole also under fsdp, as where the compiler splits
    them is its own choice. kept: what the forward pass keeps for the backward pass. again: what one
    block takes while it is computed again. augmentation: float copies of a part's clips.
    """

    parameters: int
    optimizer: int
    average: int
    statistics: int
    batch: int
    gradients: int
    kept: int
    again: int
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
        """Bytes of what only a step needs, beyond its batch."""
        return self.gradients + self.kept + self.again + self.augmentation

    @property
    def margin(self) -> int:
        """Bytes that the estimate may be short of."""
        return round(MARGIN * self.working)

    @property
    def total(self) -> int:
        """Bytes of everything together, with the margin."""
        return self.arguments + self.working + self.margin


class Compiled(NamedTuple):
    """XLA's own account of what a compiled step takes of one device, in bytes.

    arguments: state and batch. working: everything else that the program holds.
    """

    arguments: int
    working: int


class Kept(NamedTuple):
    """Bytes that the forward pass keeps for the backward pass: fixed + n·clip of n clips.

    fixed: mostly weights in the dtype of the products. block: the share of one block in clip.
    """

    fixed: float
    clip: float
    block: float


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
    return Memory(
        parameters=held(mesh, {"params": state["params"]}),
        optimizer=held(mesh, {"opt_state": state["opt_state"]}),
        average=held(mesh, {"ema": state["ema"]}),
        statistics=held(mesh, {"batch_stats": state["batch_stats"]}),
        batch=clips * (values + _LABEL_BYTES) + (0 if text is None else _bytes(text)),
        gradients=_bytes(trainable) * (1 if parts == 1 else 2),
        kept=round(kept.fixed + kept.clip * part),
        again=0 if whole is None else round(whole.block * part),
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


def traced(recipe: Recipe) -> Kept:
    """What the recipe's model keeps for the backward pass, from its program's shapes.

    It is traced with two and three blocks and with two and four clips, which is quick and gives the
    rest: all blocks but the first and the last are alike, and so are clips.
    """
    # In bytes kept(clips) = fixed + clips·clip, and both grow by the same with each further block.
    few, more = (kept_bytes(of_depth(recipe, 2), clips) for clips in (2, 4))
    few3, more3 = (kept_bytes(of_depth(recipe, 3), clips) for clips in (2, 4))
    clip, clip3 = (more - few) / 2, (more3 - few3) / 2
    fixed, fixed3 = few - 2 * clip, few3 - 2 * clip3
    # Frozen blocks keep nothing: with some that train, only these count.
    blocks = (recipe.config.optimizer.trained_blocks or recipe.config.model.geometry().depth) - 2
    return Kept(
        fixed=fixed + blocks * (fixed3 - fixed),
        clip=clip + blocks * (clip3 - clip),
        block=clip3 - clip,
    )


def of_depth(recipe: Recipe, depth: int) -> Recipe:
    """The same recipe for a model whose image tower has so many blocks.

    Where only some of its blocks train, all of these do: a frozen tower stays frozen.
    """
    config = recipe.config
    if config.optimizer.trained_blocks:
        optimizer = dataclasses.replace(config.optimizer, trained_blocks=depth)
        config = dataclasses.replace(config, optimizer=optimizer)
    shape = dataclasses.replace(config.model.geometry(), depth=depth)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, shape=shape))
    # By path, and so for the blocks that there are now.
    return dataclasses.replace(recipe, config=config, lr_factors=lr_factors_of(config))


def kept_bytes(recipe: Recipe, clips: int) -> int:
    """Bytes that the forward pass hands to the backward pass, beyond the pass's own inputs."""
    config = recipe.config
    dtype = jnp.dtype(config.model.precision)
    key: Any = jax.eval_shape(lambda: jax.random.key(0))
    noise: Any = jax.ShapeDtypeStruct((), jnp.float32)
    # Shapes alone: neither weights nor clips are made, so a model of any size is traced in seconds.
    inputs = (
        model.abstract(config.model),
        jax.ShapeDtypeStruct((clips, *clip_shape(config)), dtype),
        jax.ShapeDtypeStruct((clips, recipe.classes), jnp.float32),
        text_shape(recipe),
        Training(noise, key, frozen_blocks=recipe.frozen_blocks),
    )

    def passed_on(
        variables: Variables, video: Any, targets: Any, text: Any, training: Training
    ) -> list[Any]:
        trainable, frozen = partition(variables.params, recipe.lr_factors)
        rest = Variables(frozen, variables.batch_stats)
        loss = objective(recipe, rest, video, targets, text, training)
        backward = jax.vjp(loss, trainable, has_aux=True)[1]
        # `backward` is a tree that holds what it was handed. The weights are among it, and are
        # counted as parameters.
        inputs_too = {id(x) for x in tree_leaves((variables, text))}
        return [x for x in tree_leaves(backward) if id(x) not in inputs_too]

    return _bytes(jax.eval_shape(passed_on, *inputs))


def clip_shape(config: Config) -> tuple[int, int, int, int]:
    """Shape of a clip, [t, h, w, 3]."""
    side = config.model.geometry().resolution
    return config.model.frames, side, side, 3


def text_shape(recipe: Recipe) -> Any:
    """The classes' features, whose dtype is that of the products; None with a linear head."""
    config = recipe.config.model
    if config.head != "text":
        return None
    shape = (recipe.classes, config.geometry().embed)
    return jax.ShapeDtypeStruct(shape, jnp.dtype(config.precision))


def _param(config: Config) -> Any:
    return jnp.dtype(Dtypes.of(config.model.precision).param)


def _bytes(tree: Any) -> int:
    return sum(x.size * x.dtype.itemsize for x in tree_leaves(tree))

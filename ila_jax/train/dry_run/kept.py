"""What the forward pass keeps for the backward pass, from shapes alone: nothing is made.

JAX tells which arrays it hands from one to the other. XLA holds an array once that JAX names in two
shapes, and cuts or rounds it again instead of holding what was cut or rounded.
"""

import dataclasses
from collections.abc import Container
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Jaxpr, Literal
from jax.tree_util import tree_leaves

from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.shapes import Training
from ila_jax.train.dry_run.shapes import clip_shape, text_shape
from ila_jax.train.gradients import objective
from ila_jax.train.handed_on import MOVED, Derived, sources
from ila_jax.train.parameter_groups import partition
from ila_jax.train.recipe import Recipe, lr_factors_of

# Those whose result XLA computes again from what it holds.
_DERIVED = {"slice", "convert_element_type"}


class Kept(NamedTuple):
    """Bytes that the forward pass keeps for the backward pass: fixed + n·clip of n clips.

    fixed: mostly weights in the dtype of the products. block: the share of one block in clip.
    """

    fixed: float
    clip: float
    block: float


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
    """Bytes that the forward pass hands to the backward pass, beyond weights and class features."""
    config = recipe.config
    dtype = jnp.dtype(config.model.precision)
    key: Any = jax.eval_shape(lambda: jax.random.key(0))
    noise: Any = jax.ShapeDtypeStruct((), jnp.float32)
    # Shapes alone: neither weights nor clips are made, so a model of any size is traced in seconds.
    weights, text = model.abstract(config.model), text_shape(recipe)
    video = jax.ShapeDtypeStruct((clips, *clip_shape(config)), dtype)
    targets = jax.ShapeDtypeStruct((clips, recipe.classes), jnp.float32)
    training = Training(noise, key, frozen_blocks=recipe.frozen_blocks)

    def passed_on(variables: Variables, text: Any, video: Any, targets: Any, training: Any) -> Any:
        trainable, frozen = partition(variables.params, recipe.lr_factors)
        rest = Variables(frozen, variables.batch_stats)
        loss = objective(recipe, rest, video, targets, text, training)
        # `backward` is a tree that holds what it was handed.
        backward = jax.vjp(loss, trainable, has_aux=True)[1]
        return tree_leaves(backward)

    trace = jax.make_jaxpr(passed_on)(weights, text, video, targets, training).jaxpr
    # The weights are among what is handed on, and are counted as parameters.
    given = set(trace.invars[: len(tree_leaves((weights, text)))])
    return held_bytes(trace, given)


def held_bytes(trace: Jaxpr, given: set[Any]) -> int:
    """Bytes of a trace's outputs, each array once. given: inputs that do not count."""
    outputs: list[Any] = trace.outvars
    origins = sources(trace, list(trace.invars), same=MOVED, derived=_DERIVED)
    sizes = {
        source: output.aval.size * output.aval.dtype.itemsize
        for source, output in zip(origins, outputs, strict=True)
        if not isinstance(output, Literal) and source not in given
    }
    return sum(size for source, size in sizes.items() if not _derived_from(source, sizes))


def _derived_from(source: Any, held: Container[Any]) -> bool:
    """Whether an array is computed again from another one that is held."""
    while isinstance(source, Derived):
        source = source.source
        if source in held:
            return True
    return False

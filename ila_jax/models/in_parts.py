"""The model in three parts, before, in and after the blocks of its image tower, as pure functions.

A training step that is compiled block by block computes them one after the other. Together they are
`model.apply`. Each takes the variables that it needs, as trees that may lack all others.
"""

import functools
from typing import Any

import jax
from flax import nnx

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Output, Variables
from ila_jax.models.paths import by_path, from_paths
from ila_jax.models.vit import REMAT
from ila_jax.shapes import Scalar, TextFeatures, Tokens, Training, Tree, Video


def block_path(number: int) -> str:
    """What the paths of a block's variables begin with."""
    return f"visual/blocks/{number}/"


def before_blocks(config: ModelConfig, variables: Variables, video: Video, frozen: int) -> Tokens:
    """What the first block that trains takes. video: normalised. frozen: blocks that do not."""
    tower = model.bind(config, _filled(config, variables)).visual
    return tower.through_frozen(tower.tokens(video), frozen)


def block(
    config: ModelConfig, number: int, variables: Variables, x: Tokens, training: Training
) -> tuple[Tokens, Scalar, Tree]:
    """A block in training: tokens, auxiliary loss, and the running statistics after it.

    variables: of the block. They, and the statistics, are trees of the whole model.
    """
    states = tuple(model.module_keys(_of_block(tree, number)) for tree in variables)
    with jax.named_scope(f"block{number}"):
        x, loss, stats = REMAT[config.remat](block_structure(config, number), states, x, training)
    return x, loss, {"visual": {"blocks": {str(number): model.string_keys(stats)}}}


def _of_block(tree: Tree, number: int) -> Tree:
    """What a tree holds of a block, which may be nothing."""
    for key in ("visual", "blocks", str(number)):
        tree = tree.get(key, {})
    return tree


def after_blocks(
    config: ModelConfig,
    variables: Variables,
    x: Tokens,
    losses: jax.Array,
    text: TextFeatures | None,
    training: Training,
) -> Output:
    """The model's output. x: tokens after the last block. losses: of all blocks, [depth]."""
    whole = model.bind(config, _filled(config, variables))
    return whole.after_tower(whole.visual.output(x, losses), text, training)


@functools.cache
def block_structure(config: ModelConfig, number: int) -> Any:
    """How a block is built, without its weights: equal for blocks that compute the same."""
    tower = model.bind(config, model.abstract(config)).visual
    return nnx.split(list(tower.blocks)[number], nnx.Param, nnx.BatchStat)[0]


def _filled(config: ModelConfig, variables: Variables) -> Variables:
    """The variables with shapes in the place of those that are missing, which nothing computes."""
    shapes = model.abstract(config)
    return Variables(
        *(
            from_paths({**by_path(whole), **by_path(given)})
            for whole, given in zip(shapes, variables, strict=True)
        )
    )

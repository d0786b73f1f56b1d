"""What the blocks of a model attend to and align in clips, as pure functions, in inference."""

from typing import NamedTuple

import jax
from einops import rearrange, reduce
from jaxtyping import Array, Float, Int

from ila_jax.config import ModelConfig
from ila_jax.models.model import Variables, bind
from ila_jax.models.variants import ALIGNING, variant
from ila_jax.shapes import Alignment, Tokens, Video


class BlockView(NamedTuple):
    """What one block does with clips.

    tokens: after the block. attention: of class tokens, `TemporalBlock.class_attention`. alignment,
    masks: of ILA's two forms, None of the others. masks: the alignment's weights of the
    patches of every frame.
    """

    tokens: Tokens
    attention: Float[Array, "b t a m"]
    alignment: Alignment | None
    masks: Float[Array, "b t g g"] | None


def look(config: ModelConfig, variables: Variables, video: Video) -> list[BlockView]:
    """What each block sees in clips, first block first."""
    views = []
    for i, (block, x, y) in enumerate(bind(config, variables).visual.walk(video)):
        with jax.named_scope(f"block{i}"):
            alignment = block.alignment(x)
            masks = None if alignment is None else alignment.weights
            views.append(BlockView(y, block.class_attention(x), alignment, masks))
    return views


def alignments(config: ModelConfig, variables: Variables, video: Video) -> list[Alignment]:
    """Points and masks of each block in a clip, in inference, first block first.

    Errors: ValueError for a model without them.
    """
    if not variant(config).aligns:
        raise ValueError(
            f"model.temporal is {config.temporal!r}: only {' and '.join(ALIGNING)} have points and "
            "masks"
        )
    tower = bind(config, variables).visual
    every_block = [block.alignment(x) for block, x, _ in tower.walk(video)]
    return [alignment for alignment in every_block if alignment is not None]


class Exchange(NamedTuple):
    """What the patches of one block take from those of other frames; None where they take nothing.

    taken: of attention over time, `TemporalBlock.exchange`. partner: `TemporalBlock.matching`.
    """

    taken: Float[Array, "b t p s p"] | None
    partner: Int[Array, "b s p"] | None


def exchanges(config: ModelConfig, variables: Variables, video: Video) -> list[Exchange]:
    """What patches take from other frames in each block, first block first.

    It grows with the square of all patches of a clip: for small models, or a few clips.
    """
    tower = bind(config, variables).visual
    return [Exchange(block.exchange(x), block.matching(x)) for block, x, _ in tower.walk(video)]


def heat(tokens: Tokens) -> Float[Array, "b t g g"]:
    """The L2 norm of every patch's token, class tokens left out."""
    return _grid((tokens[:, :, 1:] ** 2).sum(axis=-1) ** 0.5)


def on_patches(view: BlockView) -> Float[Array, "b t g g"]:
    """The attention of class tokens to the patches, the mean over heads.

    Of each frame's class token to its own frame; with joint attention, where it looks at all
    frames, the mean over the class tokens. Less than 1 in sum: the rest is not on patches.
    """
    # The number of keys tells what attention ran over: the model's name is not asked for.
    frames, tokens = view.tokens.shape[1:3]
    mean = reduce(view.attention, "b t a m -> b t m", "mean")
    if mean.shape[-1] == frames * tokens:
        # A clip's class tokens together give every frame its share of one.
        mean = reduce(mean, "b s (t n) -> b t n", "mean", n=tokens)
    return _grid(mean[:, :, 1:tokens])


def _grid(patches: Float[Array, "b t p"]) -> Float[Array, "b t g g"]:
    side = round(patches.shape[-1] ** 0.5)
    return rearrange(patches, "b t (h w) -> b t h w", h=side)

"""What the blocks of a model look at in a clip, in inference: a pure function beside `apply`."""

from typing import Any, NamedTuple

import jax
from einops import rearrange, reduce
from jaxtyping import Array, Float

from ila_jax.config import ModelConfig
from ila_jax.models.model import Variables, bind
from ila_jax.models.temporal.ila import ILABlock
from ila_jax.models.temporal.ila_token import ILATokenBlock
from ila_jax.models.temporal.interaction import Alignment
from ila_jax.models.temporal.joint import JointBlock
from ila_jax.shapes import Tokens, Video


class Seen(NamedTuple):
    """Of one block. tokens: after it.

    attention: what each head of each frame's class token gives the m tokens that it sees, rows that
    sum to 1. They are the frame's own n; after them the message of X-CLIP or the token of ILA's
    token form; with joint attention those of all frames, m = t·n.
    alignment, masks: of ILA's two forms, None of the others. masks: what the patches of every frame
    are weighed with, from 0 to 1.
    """

    tokens: Tokens
    attention: Float[Array, "b t a m"]
    alignment: Alignment | None
    masks: Float[Array, "b t g g"] | None


def look(config: ModelConfig, variables: Variables, video: Video) -> list[Seen]:
    """What each block sees in clips, first block first."""
    tower = bind(config, variables).visual
    x, found = tower.tokens(video), []
    block: Any  # of the seven
    for i, block in enumerate(tower.blocks):
        with jax.named_scope(f"block{i}"):
            aligning = isinstance(block, ILABlock | ILATokenBlock)
            alignment, masks = block.look(x) if aligning else (None, None)
            attention = _of_class_tokens(block, x)
            x, _ = block(x, None)
        found.append(Seen(x, attention, alignment, masks))
    return found


def heat(tokens: Tokens) -> Float[Array, "b t g g"]:
    """The L2 norm of every patch's token, class tokens left out."""
    return _grid((tokens[:, :, 1:] ** 2).sum(axis=-1) ** 0.5)


def on_patches(seen: Seen) -> Float[Array, "b t g g"]:
    """The attention of class tokens to the patches, the mean over heads.

    Of each frame's class token to its own frame; with joint attention, where it looks at all
    frames, the mean over the class tokens. Less than 1 in sum: the rest is not on patches.
    """
    frames, tokens = seen.tokens.shape[1:3]
    mean = reduce(seen.attention, "b t a m -> b t m", "mean")
    if mean.shape[-1] == frames * tokens:
        # A clip's class tokens together give every frame its share of one.
        mean = reduce(mean, "b s (t n) -> b t n", "mean", n=tokens)
    return _grid(mean[:, :, 1:tokens])


def _of_class_tokens(block: Any, x: Tokens) -> Float[Array, "b t a m"]:
    """Attention in space of each frame's class token, which is the frame's first."""
    frames, tokens = x.shape[1:3]
    seen = block.spatial.norm1(block.seen(x, None)[0])
    if isinstance(block, JointBlock):
        weights = block.spatial.attn.weights(seen[:, ::tokens], seen)
        return rearrange(weights, "b a t m -> b t a m")
    flat = rearrange(seen, "b t n d -> (b t) n d")
    weights = block.spatial.attn.weights(flat[:, :1], flat)
    return rearrange(weights, "(b t) a 1 m -> b t a m", t=frames)


def _grid(patches: Float[Array, "b t p"]) -> Float[Array, "b t g g"]:
    side = round(patches.shape[-1] ** 0.5)
    return rearrange(patches, "b t (h w) -> b t h w", h=side)

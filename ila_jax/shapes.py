"""The glossary of axes, the array types, and the protocol that all temporal blocks share.

Axes, in annotations, einops strings, formulas and names alike:

    b  clips of a batch            h w  height and width, in pixels or in patches
    t  frames of a clip            s    pairs of neighbouring frames (t - 1)
    n  tokens of a frame: the class token, then the patches in row-major order
    p  patches of a frame (n - 1)  g    patches along one side of a frame (p = g * g)
    d  width of the image tower    e    width of the joint embedding
    k  classes                     l    tokens of a text
    a  heads of attention          c    channels: 3 of a video; of a map; of one head
    i  inputs of a layer, queries  o j  its outputs; keys
    f  channels of ILA's features  m    whatever is folded together in front of a layer

An axis that is one longer, twice as long or of two together is named so: n1, d2, tn. In formulas,
here and in models.md, a capital is the length of an axis: T frames of N = P + 1 tokens.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
from jaxtyping import Array, Bool, Float, Int, UInt8

Pixels = UInt8[Array, "b t h w c"]
Video = Float[Array, "b t h w c"]
Tokens = Float[Array, "b t n d"]
ClassTokens = Float[Array, "b t e"]
Features = Float[Array, "b e"]
TextTokens = Int[Array, "k l"]
TextFeatures = Float[Array, "k e"]
Logits = Float[Array, "b k"]
# The class of each clip, or whether it has each class where it may have any number of them.
Labels = Int[Array, "b"] | Bool[Array, "b k"]
Scalar = Float[Array, ""]
# Nested dicts of arrays; the path of a leaf, joined by "/", is what rules and checkpoints name.
Tree = dict[str, Any]


# A tree of arrays: the noise changes during a training, and a new value compiles nothing anew.
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Training:
    """What a training pass takes beyond its inputs; an inference pass takes None instead.

    noise: radius of the nine-point alignment noise, 0.2 at the start (models.md 7a, 5).
    key: randomness of this step, for dropout. frozen_blocks: how many of the image tower's blocks,
    from the first on, do not train: they compute as in inference, and have no auxiliary loss.
    """

    noise: Scalar
    key: jax.Array
    # Decides which program is compiled, so that it is no array.
    frozen_blocks: int = field(default=0, metadata={"static": True})


class Alignment(NamedTuple):
    """What a block of ILA sees in each pair of neighbouring frames; s = t − 1 pairs.

    points: (x, y) in [−0.75, 0.75] on the grid linspace(−1, 1, g), in the previous and in the
    current frame. previous, current: the masks around them. weights: what the patches of every
    frame are weighed with, from 0 to 1. interactive: the features F.
    """

    points: Float[Array, "b s 2 2"]
    previous: Float[Array, "b s g g"]
    current: Float[Array, "b s g g"]
    weights: Float[Array, "b t g g"]
    interactive: Float[Array, "b s g g f"]


# Checkable, so that tests find a block that lacks a method before a tower calls it.
@runtime_checkable
class TemporalBlock(Protocol):
    """One block of the image tower: its own way of modelling time, then attention in space.

    The tower and what looks into it know no temporal model by name, only this.
    """

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        """The tokens after the block, and its auxiliary loss (0 where there is none)."""
        ...

    def in_time(
        self, x: Tokens, training: Training | None
    ) -> tuple[Float[Array, "b *m d"], Scalar]:
        """The tokens that attention in space takes, unnormalised, and the same loss.

        [b, t, n, d], with one more token a frame [b, t, n + 1, d], or of a whole clip [b, t·n, d].
        """
        ...

    def class_attention(self, x: Tokens) -> Float[Array, "b t a m"]:
        """What each frame's class token gives the m tokens that it sees, in each of a heads.

        x: what the block takes, in inference. Every row of m numbers sums to 1. The tokens are the
        frame's own n, and behind them the one that the model adds; with joint attention those of
        all frames, m = t·n.
        """
        ...

    def alignment(self, x: Tokens) -> Alignment | None:
        """Points and masks in inference; None for a model that has none. x: what the block takes.

        Errors: ValueError for a single frame, which has no neighbour.
        """
        ...

    def exchange(self, x: Tokens) -> Float[Array, "b t p s p"] | None:
        """What a patch of frame t gives the patches of all frames s, the mean over heads.

        Of attention over time in inference; None for a model whose patches do not attend to those
        of other frames. x: what the block takes.
        """
        ...

    def matching(self, x: Tokens) -> Int[Array, "b s p"] | None:
        """The patch of the next frame that each patch is matched to; None for a model without."""
        ...

"""The glossary of axes, the array types, and the protocol that all temporal blocks share.

Axes, in annotations, einops strings and names alike:

    b  clips of a batch            h w  height and width, in pixels
    t  frames of a clip            c    colour channels, always 3
    n  tokens of a frame: the class token, then the patches in row-major order
    p  patches of a frame (n - 1)  g    patches along one side of a frame (p = g * g)
    d  width of the image tower    e    width of the joint embedding
    k  classes                     l    tokens of a text
"""

from dataclasses import dataclass
from typing import Protocol

import jax
from jaxtyping import Array, Float, Int, UInt8

Pixels = UInt8[Array, "b t h w c"]
Video = Float[Array, "b t h w c"]
Tokens = Float[Array, "b t n d"]
ClassTokens = Float[Array, "b t e"]
Features = Float[Array, "b e"]
TextTokens = Int[Array, "k l"]
TextFeatures = Float[Array, "k e"]
Logits = Float[Array, "b k"]
Scalar = Float[Array, ""]
# Nested dicts of arrays; the path of a leaf, joined by "/", is what rules and checkpoints name.
Tree = dict


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Training:
    """What a training pass takes beyond its inputs; an inference pass takes None instead.

    noise: radius of the nine-point alignment noise, 0.2 at the start (models.md 7a, 5).
    key: randomness of this step, for dropout.
    """

    noise: Scalar
    key: jax.Array


class TemporalBlock(Protocol):
    """One block of the image tower: attention in space, and its own way of modelling time."""

    def __call__(self, x: Tokens, training: Training | None) -> tuple[Tokens, Scalar]:
        """Returns the tokens and the block's auxiliary loss (0 where there is none)."""
        ...

    def seen(self, x: Tokens, training: Training | None) -> tuple[Array, Scalar]:
        """The tokens that its attention in space looks at, unnormalised, and the same loss.

        [b, t, n, d], with one more token a frame [b, t, n + 1, d], or of a whole clip [b, t·n, d].
        """
        ...

"""Converts a tensor between PyTorch's layout and ours, by pairs of inverse functions on arrays.

The letters are i for channels in, o for channels out, c for channels of a depthwise convolution, h,
w and t for the kernel's place, d and e for channels of tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from einops import rearrange


@dataclass(frozen=True)
class Layout:
    """Two functions that undo each other. Both only move elements, so that no bit is lost."""

    name: str
    rank: int  # axes of the PyTorch tensor
    to_jax: Callable[[np.ndarray], np.ndarray]
    to_torch: Callable[[np.ndarray], np.ndarray]


def _patches_to_torch(x: np.ndarray) -> np.ndarray:
    # Pixels have three colours, and patches are square: the side follows from the rows.
    side = round((x.shape[0] / 3) ** 0.5)
    return rearrange(x, "(i j c) d -> d c i j", i=side, j=side)


def same(rank: int) -> Layout:
    """The layout of a tensor that lies alike in both."""
    return Layout("as it is", rank, lambda x: x, lambda x: x)


def _einops(name: str, rank: int, torch: str, jax: str) -> Layout:
    return Layout(
        name,
        rank,
        lambda x: rearrange(x, f"{torch} -> {jax}"),
        lambda x: rearrange(x, f"{jax} -> {torch}"),
    )


# PyTorch multiplies by the transposed matrix, x·Wᵀ; flax by the matrix itself.
LINEAR = _einops("linear", 2, "o i", "i o")
CONV_2D = _einops("2-D convolution", 4, "o i h w", "h w i o")
# A convolution over a single pixel multiplies by a matrix, and our layers hold it as one.
POINTWISE_2D = _einops("1×1 convolution", 4, "o i 1 1", "i o")
DEPTHWISE_2D = _einops("depthwise convolution", 4, "c 1 h w", "h w c")
POINTWISE_1D = _einops("1×1 convolution in groups", 3, "o i 1", "i o")
TEMPORAL_3D = _einops("convolution over time", 5, "o i t 1 1", "t i o")
POSITIONS = _einops("positions", 3, "1 t e", "t e")
# CLIP's patch embedding is a convolution whose stride is its side: a matrix on flattened patches.
PATCHES = Layout(
    "patch convolution",
    4,
    lambda x: rearrange(x, "d c i j -> (i j c) d"),
    _patches_to_torch,
)

"""How a tensor lies in PyTorch and how it lies here: pairs of inverse functions on numpy arrays."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from einops import rearrange


@dataclass(frozen=True)
class Layout:
    """to_jax and to_torch undo each other; both only move elements about."""

    name: str
    rank: int  # of the PyTorch tensor
    to_jax: Callable[[np.ndarray], np.ndarray]
    to_torch: Callable[[np.ndarray], np.ndarray]


def _patches_to_torch(x: np.ndarray) -> np.ndarray:
    side = round((x.shape[0] / 3) ** 0.5)
    return rearrange(x, "(i j c) d -> d c i j", i=side, j=side)


def same(rank: int) -> Layout:
    """The tensor as it is."""
    return Layout("as it is", rank, lambda x: x, lambda x: x)


def _einops(name: str, rank: int, torch: str, jax: str) -> Layout:
    return Layout(
        name,
        rank,
        lambda x: rearrange(x, f"{torch} -> {jax}"),
        lambda x: rearrange(x, f"{jax} -> {torch}"),
    )


LINEAR = _einops("linear", 2, "o i", "i o")
CONV_2D = _einops("2-D convolution", 4, "o i h w", "h w i o")
POINTWISE_2D = _einops("1×1 convolution", 4, "o i 1 1", "i o")
DEPTHWISE_2D = _einops("depthwise convolution", 4, "c 1 h w", "h w c")
POINTWISE_1D = _einops("1×1 convolution in groups", 3, "o i 1", "i o")
TEMPORAL_3D = _einops("convolution over time", 5, "o i t 1 1", "t i o")
POSITIONS = _einops("positions", 3, "1 t e", "t e")
PATCHES = Layout(
    "patch convolution",
    4,
    lambda x: rearrange(x, "d c i j -> (i j c) d"),
    _patches_to_torch,
)

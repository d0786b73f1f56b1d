"""Position embeddings for another number of frames or another grid, interpolated as PyTorch does.

`torch.nn.functional.interpolate` with align_corners=False: as X-CLIP's tools do.
"""

import math
from collections.abc import Callable

import numpy as np
from einops import einsum, rearrange

_A = -0.75  # PyTorch's cubic kernel; others take -0.5


def over_time(positions: np.ndarray, frames: int) -> np.ndarray:
    """Linearly, [t, d] to [frames, d]."""
    matrix = _matrix(len(positions), frames, _linear, reach=1)
    return einsum(matrix, _wide(positions), "u t, t d -> u d").astype(positions.dtype)


def over_grid(positions: np.ndarray, grid: int) -> np.ndarray:
    """Bicubically, [1 + g·g, d] to [1 + grid·grid, d]; the class token's stays."""
    first, patches = positions[:1], _wide(positions[1:])
    side = math.isqrt(len(patches))
    matrix = _matrix(side, grid, _cubic, reach=2)
    maps = rearrange(patches, "(h w) d -> h w d", h=side)
    made = einsum(matrix, matrix, maps, "i h, j w, h w d -> i j d")
    return np.concatenate([first, rearrange(made, "i j d -> (i j) d").astype(positions.dtype)])


def _wide(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float64)


def _matrix(inputs: int, outputs: int, kernel: Callable[[float], float], reach: int) -> np.ndarray:
    """The weights of every input for every output; beyond an edge lies the edge's own value."""
    centres = (np.arange(outputs) + 0.5) * inputs / outputs - 0.5
    if kernel is _linear:
        centres = np.maximum(centres, 0)
    matrix = np.zeros((outputs, inputs))
    for row, centre in zip(matrix, centres, strict=True):
        base = math.floor(centre)
        for at in range(base - reach + 1, base + reach + 1):
            row[min(max(at, 0), inputs - 1)] += kernel(abs(centre - at))
    return matrix


def _linear(x: float) -> float:
    return max(0.0, 1 - x)


def _cubic(x: float) -> float:
    if x <= 1:
        return ((_A + 2) * x - (_A + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * _A if x < 2 else 0.0

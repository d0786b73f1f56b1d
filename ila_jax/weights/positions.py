"""Interpolates position embeddings to another number of frames or another grid, as PyTorch does.

The numbers are those of `torch.nn.functional.interpolate` with align_corners=False, which X-CLIP's
tools use. Every interpolation here is linear in the values, so it is one matrix, [outputs, inputs],
for each axis.
"""

import math
from collections.abc import Callable

import numpy as np
from einops import einsum, rearrange

_A = -0.75  # the parameter of PyTorch's cubic kernel; other libraries take -0.5


def over_time(positions: np.ndarray, frames: int) -> np.ndarray:
    """Interpolates linearly over time, from [t, d] to [frames, d]."""
    matrix = _matrix(len(positions), frames, _linear, reach=1)
    return einsum(matrix, _wide(positions), "u t, t d -> u d").astype(positions.dtype)


def over_grid(positions: np.ndarray, grid: int) -> np.ndarray:
    """Interpolates bicubically, from [1 + g·g, d] to [1 + grid·grid, d].

    The first row is the class token's, which has no place in the grid and stays as it is.
    """
    first, patches = positions[:1], _wide(positions[1:])
    side = math.isqrt(len(patches))
    # Bicubic is cubic along the rows and then along the columns, by the same matrix.
    matrix = _matrix(side, grid, _cubic, reach=2)
    maps = rearrange(patches, "(h w) d -> h w d", h=side)
    resized = einsum(matrix, matrix, maps, "i h, j w, h w d -> i j d")
    return np.concatenate([first, rearrange(resized, "i j d -> (i j) d").astype(positions.dtype)])


def _wide(x: np.ndarray) -> np.ndarray:
    # In float64, so that rounding to the dtype of the file happens once, at the end.
    return np.asarray(x, np.float64)


def _matrix(inputs: int, outputs: int, kernel: Callable[[float], float], reach: int) -> np.ndarray:
    """The weight of every input in every output, [outputs, inputs].

    kernel: the weight by the distance, in inputs. reach: inputs on either side that have a weight.
    """
    # With align_corners=False, outputs are the centres of cells that divide the inputs' length.
    centres = (np.arange(outputs) + 0.5) * inputs / outputs - 0.5
    # PyTorch does this in its linear interpolation alone, not in the cubic one.
    if kernel is _linear:
        centres = np.maximum(centres, 0)
    matrix = np.zeros((outputs, inputs))
    for row, centre in zip(matrix, centres, strict=True):
        base = math.floor(centre)
        # Beyond an edge lies the edge's own value, so that its weight is added to that of the edge.
        for at in range(base - reach + 1, base + reach + 1):
            row[min(max(at, 0), inputs - 1)] += kernel(abs(centre - at))
    return matrix


def _linear(x: float) -> float:
    """The weight of a value at a distance, in linear interpolation."""
    return max(0.0, 1 - x)


def _cubic(x: float) -> float:
    """The weight of a value at a distance, in Keys' cubic convolution with the parameter _A."""
    if x <= 1:
        return ((_A + 2) * x - (_A + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * _A if x < 2 else 0.0

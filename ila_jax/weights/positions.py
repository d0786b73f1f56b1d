"""Interpolates position embeddings to another number of frames or another grid, as PyTorch does.

The numbers are those of `torch.nn.functional.interpolate` with align_corners=False: linear over
time, and over the grid bicubic with antialias=True, as open_clip's `resize_pos_embed` calls it.
Either is linear in the values, so that it is one matrix, [outputs, inputs], for each axis.
"""

import math

import numpy as np
from einops import einsum, rearrange
from numpy.typing import NDArray

# Of Keys' cubic convolution. PyTorch takes -0.5 with antialiasing, as Pillow, and -0.75 without.
_A = -0.5
# Inputs on either side that Keys' kernel reaches, when nothing is made smaller.
_REACH = 2.0


def over_time(positions: np.ndarray, frames: int) -> np.ndarray:
    """Interpolates linearly over time, from [t, d] to [frames, d]."""
    matrix = _linear_matrix(len(positions), frames)
    return einsum(matrix, _wide(positions), "u t, t d -> u d").astype(positions.dtype)


def over_grid(positions: np.ndarray, grid: int) -> np.ndarray:
    """Interpolates bicubically, from [1 + g·g, d] to [1 + grid·grid, d].

    The first row is the class token's, which has no place in the grid and stays as it is.
    """
    first, patches = positions[:1], _wide(positions[1:])
    side = math.isqrt(len(patches))
    # Bicubic is cubic along the rows and then along the columns, by the same matrix.
    matrix = _cubic_matrix(side, grid)
    maps = rearrange(patches, "(h w) d -> h w d", h=side)
    resized = einsum(matrix, matrix, maps, "i h, j w, h w d -> i j d")
    return np.concatenate([first, rearrange(resized, "i j d -> (i j) d").astype(positions.dtype)])


def _wide(x: np.ndarray) -> np.ndarray:
    # In float64, so that rounding to the dtype of the file happens once, at the end.
    return np.asarray(x, np.float64)


def _linear_matrix(inputs: int, outputs: int) -> NDArray[np.float64]:
    """The weight of every input in every output, [outputs, inputs]."""
    # Outputs are the centres of cells that divide the inputs' length; beyond an edge is its value.
    centres = (np.arange(outputs) + 0.5) * inputs / outputs - 0.5
    centres = np.clip(centres, 0, inputs - 1)
    distances = np.abs(centres[:, None] - np.arange(inputs)[None])
    matrix: NDArray[np.float64] = np.maximum(1 - distances, 0)
    return matrix


def _cubic_matrix(inputs: int, outputs: int) -> NDArray[np.float64]:
    """The same with Keys' kernel, which is made wider where the grid gets smaller (antialias)."""
    scale = inputs / outputs
    wider = max(scale, 1.0)
    centres = (np.arange(outputs) + 0.5) * scale - 0.5
    distances = np.abs(centres[:, None] - np.arange(inputs)[None]) / wider
    weights = _keys(distances)
    # What the kernel has beyond an edge is left out, and the rest shares its weight.
    matrix: NDArray[np.float64] = weights / weights.sum(1, keepdims=True)
    return matrix


def _keys(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of a value at a distance, in inputs, in Keys' cubic convolution."""
    x = distances
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * _A
    return np.where(x <= 1, near, np.where(x < _REACH, far, 0.0))

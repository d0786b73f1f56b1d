"""Pictures with soft edges that are laid over others, anywhere, at any size and angle."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

FINE = 3  # pixels along a side that are averaged to one, for smooth edges
Affine = Float64[np.ndarray, "2 3"]


@dataclass(frozen=True)
class Sprite:
    """A picture in scene units, short sides of the frame, around the point by which it is placed.

    pixels: premultiplied RGBA. to_units: from pixels to scene units, x to the right and y down.
    """

    pixels: Float32[np.ndarray, "h w 4"]
    to_units: Affine


def sprite(
    colours: Float32[np.ndarray, "h w 3"],
    mask: Float32[np.ndarray, "h w"],
    corner: tuple[float, float],
    scale: float,
) -> Sprite:
    """A sprite of a picture that is `FINE` times as fine.

    colours: from 0 to 255. mask: from 0 to 1. corner: x and y of the picture's upper left corner in
    scene units. scale: pixels of the sprite to a scene unit.
    """
    layers = np.concatenate([colours * mask[..., None], 255 * mask[..., None]], -1)
    size = (layers.shape[1] // FINE, layers.shape[0] // FINE)
    pixels = cv2.resize(layers.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # A free edge: warped, the sprite ends in nothing.
    pixels = cv2.copyMakeBorder(pixels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    # Pixel 1 is the first of the picture, and its middle is half a pixel from the corner.
    x, y = (edge - 0.5 / scale for edge in corner)
    return Sprite(pixels, np.array([[1 / scale, 0, x], [0, 1 / scale, y]]))


def shadow(width: float, height: float, scale: float) -> Sprite:
    """A soft dark ellipse around its middle. width, height: in scene units."""
    shape = (round(height * scale * FINE), round(width * scale * FINE))
    y, x = (np.linspace(-1, 1, max(side, FINE * 2), dtype=np.float32) for side in shape)
    mask = np.clip(1 - np.hypot(x[None], y[:, None]), 0, 1) ** 1.2
    colours = np.zeros((*mask.shape, 3), np.float32)
    return sprite(colours, mask * 0.75, (-width / 2, -height / 2), scale)


def placed(at: tuple[float, float], size: float, turn: float) -> Affine:
    """The map of a sprite that is moved, enlarged and turned (clockwise, in radians)."""
    cos, sin = size * np.cos(turn), size * np.sin(turn)
    return np.array([[cos, -sin, at[0]], [sin, cos, at[1]]])


def chained(outer: Affine, inner: Affine) -> Affine:
    """The inner map, then the outer one."""
    both: Affine = outer @ np.concatenate([inner, [[0, 0, 1]]])
    return both


def lay(picture: UInt8[np.ndarray, "h w 3"], layer: Sprite, to_pixels: Affine) -> None:
    """Lays a sprite over a picture, in place. to_pixels: from scene units to the picture's."""
    to_picture = chained(to_pixels, layer.to_units)
    height, width = layer.pixels.shape[:2]
    corners = to_picture @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
    limits = (picture.shape[1], picture.shape[0])
    low = np.clip(np.floor(corners.min(1)).astype(int) - 1, 0, limits)
    high = np.clip(np.ceil(corners.max(1)).astype(int) + 2, 0, limits)
    if (low >= high).any():
        return
    to_picture[:, 2] -= low
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.warpAffine(layer.pixels, to_picture, size, flags=cv2.INTER_LINEAR)
    part = picture[low[1] : high[1], low[0] : high[0]]
    # Colours are premultiplied: they are added, and only what is behind is weighted.
    part[:] = part * (1 - warped[..., 3:] / 255) + warped[..., :3] + 0.5

"""Colours and textures of things, walls and tables."""

import colorsys

import cv2
import numpy as np
from jaxtyping import Float32

Colour = Float32[np.ndarray, "3"]


def colour(
    rng: np.random.Generator,
    saturation: tuple[float, float] = (0.1, 0.9),
    value: tuple[float, float] = (0.25, 1.0),
) -> Colour:
    """A colour of any hue, 0 to 255."""
    hsv = rng.uniform(0, 1), rng.uniform(*saturation), rng.uniform(*value)
    return np.array(colorsys.hsv_to_rgb(*hsv), np.float32) * 255


def texture(
    rng: np.random.Generator, size: tuple[int, int], colours: tuple[Colour, Colour]
) -> Float32[np.ndarray, "h w 3"]:
    """A pattern of two colours: plain, stripes, checks, dots, two halves or clouds.

    size: width and height in pixels.
    """
    width, height = size
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(size)
    turn, cells = rng.uniform(0, np.pi), rng.uniform(3, 9)
    u = (x * np.cos(turn) + y * np.sin(turn)) * cells
    v = (y * np.cos(turn) - x * np.sin(turn)) * cells
    kind = rng.integers(6)
    share = (
        np.zeros_like(u),
        (u % 1 < 0.5).astype(np.float32),
        ((u % 1 < 0.5) ^ (v % 1 < 0.5)).astype(np.float32),
        (np.hypot(u % 1 - 0.5, v % 1 - 0.5) < 0.3).astype(np.float32),
        (y * max(size) / height < rng.uniform(0.3, 0.7)).astype(np.float32),
        clouds(rng, size, int(rng.integers(4, 12))),
    )[kind]
    share = share[..., None]
    mixed = colours[0] * (1 - share) + colours[1] * share
    grain = 1 + 0.12 * (clouds(rng, size, 16) - 0.5)
    shaded: np.ndarray = np.clip(mixed * grain[..., None], 0, 255)
    return shaded


def clouds(
    rng: np.random.Generator, size: tuple[int, int], cells: int, rows: int | None = None
) -> Float32[np.ndarray, "h w"]:
    """Smooth noise between 0 and 1. cells, rows: of it, along the width and the height."""
    noise = rng.uniform(0, 1, (rows or cells, cells)).astype(np.float32)
    smooth = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    limited: np.ndarray = np.clip(smooth, 0, 1)
    return limited

"""Walls and tables with whatever hangs on and lies about."""

import cv2
import numpy as np
from jaxtyping import UInt8

from ila_jax.data.synthetic.actions.camera import MARGIN, still
from ila_jax.data.synthetic.actions.surfaces import clouds, colour, texture

TABLE = -0.02  # y of the table's far edge, in scene units from the middle of the picture
CLUTTER = (3, 9)  # pictures, shelves, windows on the wall


def background(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[UInt8[np.ndarray, "h w 3"], np.ndarray]:
    """A wall and a table, with room for the camera to move, and the map from scene units to it.

    size: width and height of the frames in pixels.
    """
    scale = min(size)
    wide = (round(size[0] + 2 * MARGIN * scale), round(size[1] + 2 * MARGIN * scale))
    to_pixels = still(wide, scale)
    picture = _surface(rng, wide, 1.0)
    edge = round(to_pixels[1, 1] * (TABLE + rng.uniform(-0.03, 0.03)) + to_pixels[1, 2])
    for _ in range(rng.integers(*CLUTTER)):
        _hang(rng, picture, edge)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.0, 2.5))
    table = _surface(rng, (wide[0], wide[1] - edge), rng.uniform(0.2, 4))
    picture[edge:] = table
    picture[edge : edge + 2] = table[:2] * rng.uniform(0.5, 1.2)
    return np.clip(picture, 0, 255).astype(np.uint8), to_pixels


def _surface(rng: np.random.Generator, size: tuple[int, int], stretch: float) -> np.ndarray:
    """A wall or a table: two colours that are alike, grain, and light from one side."""
    base = colour(rng, (0.05, 0.6), (0.2, 0.85))
    other = np.clip(base * rng.uniform(0.6, 1.3) + rng.uniform(-15, 15, 3), 0, 255)
    plain = texture(rng, size, (base, other.astype(np.float32)))
    cells = int(rng.integers(6, 30))
    grain = clouds(rng, size, cells, max(2, int(cells * stretch)))
    left, right = rng.uniform(0.7, 1.15, 2).tolist()
    light = np.linspace(left, right, size[0])[None, :, None]
    surface: np.ndarray = plain * (0.8 + 0.4 * grain[..., None]) * light
    return surface.astype(np.float32)


def _hang(rng: np.random.Generator, picture: np.ndarray, edge: int) -> None:
    """Puts something on the wall, above the table's edge."""
    height, width = picture.shape[:2]
    w, h = (int(v) for v in rng.uniform(0.06, 0.3, 2) * height)
    x, y = int(rng.integers(0, width - w)), int(rng.integers(0, max(edge - h // 2, 1)))
    patch = texture(rng, (w, h), (colour(rng, (0.1, 0.6)), colour(rng, (0.1, 0.6))))
    patch = patch[: height - y]
    mask = np.zeros(patch.shape[:2], np.float32)
    if rng.random() < 0.3:
        cv2.ellipse(mask, (w // 2, h // 2), (w // 2, h // 2), 0, 0, 360, 1, -1)
    else:
        mask[:] = 1
    part = picture[y : y + h, x : x + w]
    part[:] = part * (1 - mask[..., None]) + patch * mask[..., None]

"""Things on a table: shapes with a texture and light from one side."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64

from ila_jax.data.synthetic.actions.sprites import FINE, Sprite, shadow, sprite
from ila_jax.data.synthetic.actions.surfaces import colour, texture

# Outlines in a box from (0, 0), above on the left, to (1, 1).
OUTLINES: dict[str, tuple[tuple[float, float], ...]] = {
    "box": ((0, 0), (1, 0), (1, 1), (0, 1)),
    "bottle": ((0.36, 0), (0.64, 0), (0.64, 0.22), (1, 0.42), (1, 1), (0, 1), (0, 0.42),
               (0.36, 0.22)),
    "beaker": ((0, 0), (1, 0), (0.82, 1), (0.18, 1)),
    "bucket": ((0.18, 0), (0.82, 0), (1, 1), (0, 1)),
    "cone": ((0.5, 0), (1, 1), (0, 1)),
    "house": ((0.5, 0), (1, 0.4), (1, 1), (0, 1), (0, 0.4)),
    "mushroom": ((0.2, 0), (0.8, 0), (1, 0.3), (1, 0.5), (0.65, 0.5), (0.7, 1), (0.3, 1),
                 (0.35, 0.5), (0, 0.5), (0, 0.3)),
    "boot": ((0.1, 0), (0.6, 0), (0.6, 0.55), (1, 0.65), (1, 1), (0.1, 1)),
    "vase": ((0.25, 0), (0.75, 0), (0.62, 0.25), (1, 0.6), (0.75, 1), (0.25, 1), (0, 0.6),
             (0.38, 0.25)),
}  # fmt: skip
ROUND = "ball"
BLOB = "blob"
SMALL = (*OUTLINES, ROUND, BLOB)
# A cover is wide below, and an occluder hides what is as high and wide.
COVERS = ("bucket", "box")
OCCLUDERS = ("box", "house", "box", "bucket")


@dataclass(frozen=True)
class Thing:
    """Something on the table. size: its width and height in scene units."""

    size: tuple[float, float]
    picture: Sprite
    shadow: Sprite


def thing(
    rng: np.random.Generator,
    kinds: tuple[str, ...],
    size: tuple[float, float],
    scale: float,
    ratio: tuple[float, float] = (0.7, 1.0),
) -> Thing:
    """A thing of one of some kinds.

    size: of its longer side, between these, in scene units. scale: of `sprite`. ratio: of the other
    side to the longer one, between these.
    """
    kind = kinds[rng.integers(len(kinds))]
    sides = rng.uniform(*size) * np.array([1, 1 if kind == ROUND else rng.uniform(*ratio)])
    # What is to hide something stands upright; what is small may lie.
    width, height = sides if kinds is SMALL and rng.random() < 0.5 else sides[::-1]
    pixels = (max(round(width * scale), 4) * FINE, max(round(height * scale), 4) * FINE)
    mask = _mask(_outline(rng, kind), pixels)
    colours = texture(rng, pixels, (colour(rng), colour(rng))) * _light(rng, pixels, mask)
    picture = sprite(np.clip(colours, 0, 255), mask, (-width / 2, -height), scale)
    return Thing((width, height), picture, shadow(width * 1.35, width * 0.4, scale))


def _outline(rng: np.random.Generator, kind: str) -> Float64[np.ndarray, "n 2"]:
    """Corners of a shape, bent a little."""
    if kind in (ROUND, BLOB):
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        waves = rng.uniform(-0.08, 0.08, 3) * (kind == BLOB)
        phases = rng.uniform(0, 2 * np.pi, 3)
        radius = 0.5 + (waves * np.cos(angles[:, None] * (2, 3, 5) + phases)).sum(1)
        corners = 0.5 + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    else:
        corners = np.array(OUTLINES[kind], float)
        corners[:, 0] += rng.uniform(-0.04, 0.04, len(corners))
    low, high = corners.min(0), corners.max(0)
    outline: Float64[np.ndarray, "n 2"] = (corners - low) / (high - low)
    return outline


def _mask(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size[::-1], np.uint8)
    corners = np.round(outline * (np.array(size) - 1)).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255)
    # Corners are rounded a little: an opening of the shape.
    reach = max(3, min(size) // 8) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    rounded = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    return rounded.astype(np.float32) / 255


def _light(rng: np.random.Generator, size: tuple[int, int], mask: np.ndarray) -> np.ndarray:
    """Brightness [h, w, 1]: round from side to side, brighter above, with dark edges."""
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None] - rng.uniform(-0.5, 0.5)
    y = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    edge = cv2.GaussianBlur(mask, (0, 0), max(min(size) / 14, 1.0))
    light: np.ndarray = (1.08 - 0.3 * x**2 - 0.2 * y) * (0.45 + 0.55 * edge)
    return light[..., None]

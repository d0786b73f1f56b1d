"""Computes how much of what a model looks at lies on an object whose box is known."""

import numpy as np
from jaxtyping import Float

from ila_jax.data.clips.transforms import CentreCrop, ShortSide, short_side

Boxes = Float[np.ndarray, "*m 4"]
Maps = Float[np.ndarray, "*m g g"]


def in_clip(boxes: Boxes, *, height: int, width: int, size: int) -> Boxes:
    """Boxes x0 y0 x1 y1 of a video, in pixels, as shares of the sides of a clip's frames.

    height, width: the sides of the video in pixels. size: the side of the clip, which is the middle
    of the video after its short side was resized (`ClipRecipe.evaluation_clip`). What the crop
    leaves out is cut off.
    """
    # The same two steps as the clip's pixels took, with their rounding.
    tall, wide = ShortSide(short_side(size)).sides(height, width)
    top, left = CentreCrop(size).corner(tall, wide)
    scale = np.array([wide / width, tall / height] * 2)
    corner = np.array([left, top] * 2)
    shares: Boxes = np.clip((boxes * scale - corner) / size, 0, 1)
    return shares


def coverage(boxes: Boxes, grid: int) -> Maps:
    """The share of every patch's area that lies in a box, 0 to 1. boxes: those of `in_clip`."""
    # Edges of the patches, as shares of a side.
    edges = np.arange(grid + 1) / grid

    def covered(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        inside = np.minimum(edges[1:], high[..., None]) - np.maximum(edges[:-1], low[..., None])
        shares: np.ndarray = np.maximum(inside, 0) * grid
        return shares

    x0, y0, x1, y1 = np.moveaxis(np.asarray(boxes, np.float64), -1, 0)
    # Boxes are upright, so the area is the product of what is covered along both sides.
    areas: Maps = covered(y0, y1)[..., :, None] * covered(x0, x1)[..., None, :]
    return areas


def share(weights: Maps, cover: Maps) -> Float[np.ndarray, "*m"]:
    """Which share of all weight lies on the object: the weight of each patch by its coverage."""
    shares: np.ndarray = (weights * cover).sum(axis=(-2, -1)) / weights.sum(axis=(-2, -1))
    return shares


def contrast(heat: Float[np.ndarray, "*m t g g"]) -> Float[np.ndarray, "*m t g g"]:
    """Heat above the lowest of its clip: what the colours of a picture show, one scale a row."""
    above: np.ndarray = heat - heat.min(axis=(-3, -2, -1), keepdims=True)
    return above


def centres(boxes: Boxes) -> Float[np.ndarray, "*m 2"]:
    """(x, y) of the boxes' middles."""
    middles: np.ndarray = (boxes[..., :2] + boxes[..., 2:]) / 2
    return middles


def inside(points: Float[np.ndarray, "*m 2"], boxes: Boxes) -> np.ndarray:
    """Whether points are in their boxes: bool [*m]."""
    within = (boxes[..., :2] <= points) & (points <= boxes[..., 2:])
    both: np.ndarray = np.all(within, axis=-1)
    return both

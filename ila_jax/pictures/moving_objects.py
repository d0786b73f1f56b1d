"""How much of what a model looks at is on the moving object of motion pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ila_jax.models.temporal.alignment import mask
from ila_jax.pictures.looking import Aligned, Looked, looked
from ila_jax.pictures.overlay import in_frame
from ila_jax.pictures.scenes import Scenes
from ila_jax.pictures.shares import centres, contrast, coverage, inside, share
from ila_jax.recognizer import Recognizer

_CLIPS = 50  # that are looked at together


@dataclass(frozen=True)
class Mean:
    """Over clips. margin: half of its 95 % interval, 1.96 standard errors."""

    value: float
    margin: float


@dataclass(frozen=True)
class OfHeat:
    """share: of heat on the object. area: of the frame that the object's box takes, which is the
    share of heat that is everywhere the same. contrast: the share of heat above the clip's lowest.
    """

    block: int
    share: Mean
    contrast: Mean
    area: Mean


@dataclass(frozen=True)
class OfPoints:
    """Distances to the middle of the object's box, in frame sides.

    distance: of the points. centre: of the frame's middle. others: of the same points to the
    objects of all other clips at that time, which have nothing to do with them.
    nearer: share of points that are nearer than the frame's middle. inside, centre_inside: share of
    points, and of the frame's middle, in the box.
    """

    block: int
    distance: Mean
    centre: Mean
    others: Mean
    nearer: Mean
    inside: Mean
    centre_inside: Mean


@dataclass(frozen=True)
class OfMasks:
    """share: of mask weight on the object. middle: of a mask around the frame's middle, which is
    where a fresh model's are. area: of weight that is everywhere the same.
    """

    block: int
    share: Mean
    middle: Mean
    area: Mean


@dataclass(frozen=True)
class Measured:
    """Blocks by number, from 1. heat: after half of the blocks and after all of them."""

    title: str
    clips: int
    heat: Sequence[OfHeat]
    points: Sequence[OfPoints]
    masks: Sequence[OfMasks]


def measure(title: str, recognizer: Recognizer, scenes: Scenes) -> Measured:
    """What a model looks at in all the scenes."""
    found = _looked(recognizer, scenes.clips)
    halves = sorted({found.middle, found.blocks - 1})
    points, masks = [], []
    if found.aligned is not None:
        points = [of_points(found.aligned, i, scenes.boxes) for i in range(found.blocks)]
        masks = [of_masks(found.aligned, i, scenes.boxes) for i in range(found.blocks)]
    heat = [of_heat(found, i, scenes.boxes) for i in halves]
    return Measured(title, len(scenes.clips), heat, points, masks)


def of_heat(found: Looked, block: int, boxes: Float[np.ndarray, "v t 4"]) -> OfHeat:
    heat = found.heat[:, block]
    cover = coverage(boxes, heat.shape[-1])
    above = contrast(heat)
    return OfHeat(
        block + 1,
        _mean(share(heat, cover)),
        _mean((above * cover).sum(axis=(1, 2, 3)) / above.sum(axis=(1, 2, 3))),
        _mean(cover.mean(axis=(2, 3))),
    )


def of_points(found: Aligned, block: int, boxes: Float[np.ndarray, "v t 4"]) -> OfPoints:
    points = in_frame(found.points[:, block], found.masks.shape[-1])  # [v, s, 2, 2]
    # Of a pair's earlier and later frame, as the points are: [v, s, 2, 4].
    boxes = np.stack([boxes[:, :-1], boxes[:, 1:]], axis=2)
    objects, middle = centres(boxes), np.array([0.5, 0.5])
    own, centre = _distance(points, objects), _distance(middle, objects)
    to_all = _distance(points[:, None], objects[None]).mean(axis=(2, 3))  # [v points, v objects]
    others = (to_all.sum(axis=1) - to_all.diagonal()) / max(len(to_all) - 1, 1)
    return OfPoints(
        block + 1,
        distance=_mean(own),
        centre=_mean(centre),
        others=_mean(others),
        nearer=_mean(own < centre),
        inside=_mean(inside(points, boxes)),
        centre_inside=_mean(inside(np.broadcast_to(middle, points.shape), boxes)),
    )


def of_masks(found: Aligned, block: int, boxes: Float[np.ndarray, "v t 4"]) -> OfMasks:
    masks = found.masks[:, block]
    grid = masks.shape[-1]
    cover = coverage(boxes, grid)
    middle = np.asarray(mask(jnp.zeros(2), grid, None))
    return OfMasks(
        block + 1,
        _mean(share(masks, cover)),
        _mean(share(np.broadcast_to(middle, cover.shape), cover)),
        _mean(cover.mean(axis=(2, 3))),
    )


def _looked(recognizer: Recognizer, clips: np.ndarray) -> Looked:
    """What is seen in all clips; the last batch is filled up, so that one program does for all."""
    size = min(_CLIPS, len(clips))
    batches = [
        looked(recognizer, clips[np.minimum(np.arange(start, start + size), len(clips) - 1)])
        for start in range(0, len(clips), size)
    ]

    def joined(name: str, parts: Sequence[Looked | Aligned]) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])[: len(clips)]

    aligned = [batch.aligned for batch in batches if batch.aligned is not None]
    names = ("points", "earlier", "later", "masks")
    return Looked(
        joined("heat", batches),
        joined("attention", batches),
        Aligned(**{name: joined(name, aligned) for name in names}) if aligned else None,
    )


def _distance(a: Float[np.ndarray, "*m 2"], b: Float[np.ndarray, "*m 2"]) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


def _mean(values: np.ndarray) -> Mean:
    """Over clips, the first axis, of the mean over the rest of them."""
    each = np.asarray(values, np.float64).reshape(len(values), -1).mean(axis=1)
    error = each.std(ddof=1) / len(each) ** 0.5 if len(each) > 1 else 0.0
    return Mean(float(each.mean()), float(1.96 * error))

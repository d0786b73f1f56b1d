"""Measures how much of what a model looks at is on the moving object of motion pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ila_jax.models.temporal.alignment import mask
from ila_jax.pictures.block_maps import AlignmentMaps, BlockMaps, block_maps
from ila_jax.pictures.overlay import in_frame
from ila_jax.pictures.scenes import Scenes
from ila_jax.pictures.shares import centres, contrast, coverage, inside, share
from ila_jax.recognizer import Recognizer

# Clips that go through the model together: the maps of all blocks of more would fill memory.
_CLIPS = 50


@dataclass(frozen=True)
class Mean:
    """A mean over clips. margin: half of its 95 % interval, 1.96 standard errors."""

    value: float
    margin: float


@dataclass(frozen=True)
class HeatOnObject:
    """How much of the heat after a block is on the object, as shares from 0 to 1.

    share: the share of all heat. contrast: the share of the heat above the clip's lowest. area: the
    share of the frame that the object's box takes, which heat that is everywhere the same would
    have.
    """

    block: int
    share: Mean
    contrast: Mean
    area: Mean


@dataclass(frozen=True)
class PointsOnObject:
    """Distances to the middle of the object's box, in frame sides.

    distance: that of the points. centre: that of the frame's middle. others: that of the same
    points to the objects of all other clips at that time, which have nothing to do with them.
    nearer: the share of points that are nearer than the frame's middle. inside, centre_inside: the
    share of points in the box, and how often the frame's middle is in it.
    """

    block: int
    distance: Mean
    centre: Mean
    others: Mean
    nearer: Mean
    inside: Mean
    centre_inside: Mean


@dataclass(frozen=True)
class MasksOnObject:
    """How much of a block's mask weight is on the object, as shares from 0 to 1.

    share: the share of the model's masks. middle: that of a mask around the frame's middle, which
    is where a fresh model's are. area: that of weight that is everywhere the same.
    """

    block: int
    share: Mean
    middle: Mean
    area: Mean


@dataclass(frozen=True)
class ObjectMeasures:
    """What was measured of one model, block by block; blocks are numbered from 1.

    heat: measured after half of the blocks and after all of them. points, masks: measured in every
    block; empty for models without them.
    """

    title: str
    clips: int
    heat: Sequence[HeatOnObject]
    points: Sequence[PointsOnObject]
    masks: Sequence[MasksOnObject]


def measure(title: str, recognizer: Recognizer, scenes: Scenes) -> ObjectMeasures:
    """Measures heat, points and masks of a model against the objects of all scenes."""
    maps = maps_of(recognizer, scenes.clips)
    # Of a tower of one block, half of the blocks and all of them are the same.
    halves = sorted({maps.middle, maps.blocks - 1})
    points, masks = [], []
    if maps.aligned is not None:
        points = [of_points(maps.aligned, i, scenes.boxes) for i in range(maps.blocks)]
        masks = [of_masks(maps.aligned, i, scenes.boxes) for i in range(maps.blocks)]
    heat = [of_heat(maps, i, scenes.boxes) for i in halves]
    return ObjectMeasures(title, len(scenes.clips), heat, points, masks)


def of_heat(maps: BlockMaps, block: int, boxes: Float[np.ndarray, "v t 4"]) -> HeatOnObject:
    """The share of one block's heat on the objects. block: from 0. boxes: shares of the sides."""
    heat = maps.heat[:, block]
    cover = coverage(boxes, heat.shape[-1])
    # The lowest heat of a clip is taken away from all: colours show no more than what is left.
    above = contrast(heat)
    return HeatOnObject(
        block + 1,
        _mean(share(heat, cover)),
        _mean((above * cover).sum(axis=(1, 2, 3)) / above.sum(axis=(1, 2, 3))),
        _mean(cover.mean(axis=(2, 3))),
    )


def of_points(
    aligned: AlignmentMaps, block: int, boxes: Float[np.ndarray, "v t 4"]
) -> PointsOnObject:
    """How near one block's points are to the objects. block: from 0. boxes: shares of the sides."""
    points = in_frame(aligned.points[:, block], aligned.masks.shape[-1])  # [v, s, 2, 2]
    # Of a pair's earlier and later frame, as the points are: [v, s, 2, 4].
    boxes = np.stack([boxes[:, :-1], boxes[:, 1:]], axis=2)
    objects, middle = centres(boxes), np.array([0.5, 0.5])
    own, centre = _distance(points, objects), _distance(middle, objects)
    to_all = _distance(points[:, None], objects[None]).mean(axis=(2, 3))  # [v points, v objects]
    # The diagonal is of each clip's own object.
    others = (to_all.sum(axis=1) - to_all.diagonal()) / max(len(to_all) - 1, 1)
    return PointsOnObject(
        block + 1,
        distance=_mean(own),
        centre=_mean(centre),
        others=_mean(others),
        nearer=_mean(own < centre),
        inside=_mean(inside(points, boxes)),
        centre_inside=_mean(inside(np.broadcast_to(middle, points.shape), boxes)),
    )


def of_masks(
    aligned: AlignmentMaps, block: int, boxes: Float[np.ndarray, "v t 4"]
) -> MasksOnObject:
    """The share of one block's mask weight on the objects, as `of_points`."""
    masks = aligned.masks[:, block]
    grid = masks.shape[-1]
    cover = coverage(boxes, grid)
    # Where a fresh model's masks are: their points are in the middle, (0, 0).
    middle = np.asarray(mask(jnp.zeros(2), grid, None))
    return MasksOnObject(
        block + 1,
        _mean(share(masks, cover)),
        _mean(share(np.broadcast_to(middle, cover.shape), cover)),
        _mean(cover.mean(axis=(2, 3))),
    )


def maps_of(recognizer: Recognizer, clips: np.ndarray) -> BlockMaps:
    """The maps of all clips, batch by batch."""
    batches = [block_maps(recognizer, batch) for batch in in_batches(clips)]

    def joined(name: str, parts: Sequence[BlockMaps | AlignmentMaps]) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])[: len(clips)]

    aligned = [batch.aligned for batch in batches if batch.aligned is not None]
    names = ("points", "earlier", "later", "masks")
    return BlockMaps(
        joined("heat", batches),
        joined("attention", batches),
        AlignmentMaps(**{name: joined(name, aligned) for name in names}) if aligned else None,
    )


def in_batches(clips: np.ndarray) -> Iterator[np.ndarray]:
    """Clips that go through a model together.

    The last batch is filled up with its last clip, so that one compiled program does for all.
    """
    size = min(_CLIPS, len(clips))
    for start in range(0, len(clips), size):
        yield clips[np.minimum(np.arange(start, start + size), len(clips) - 1)]


def _distance(a: Float[np.ndarray, "*m 2"], b: Float[np.ndarray, "*m 2"]) -> np.ndarray:
    """Euclidean distances of points, [*m], in the points' units."""
    distances: np.ndarray = np.linalg.norm(a - b, axis=-1)
    return distances


def _mean(values: np.ndarray) -> Mean:
    """The mean over clips, which are the first axis, of each clip's mean over the other axes."""
    by_clip = np.asarray(values, np.float64).reshape(len(values), -1).mean(axis=1)
    # Frames and pairs of one clip are alike: clips are what varies independently.
    error = by_clip.std(ddof=1) / len(by_clip) ** 0.5 if len(by_clip) > 1 else 0.0
    return Mean(float(by_clip.mean()), float(1.96 * error))

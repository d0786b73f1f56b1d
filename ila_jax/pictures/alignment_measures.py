"""Measures whether what a model aligns is the object that moves: each measure is defined here once.

Every measure is taken clip by clip, and held against four others of the same clips: an alignment
that never moves, one that knows of another clip alone, the objects that do not move, and the best
that could be had. docs/explanation/alignment.md says in words what they tell.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ila_jax.models.temporal.alignment import mask
from ila_jax.pictures.overlay import in_frame
from ila_jax.pictures.shares import centres, coverage, share

# So many other clips stand for "any other clip". A clip and its reversal show the same places, and
# are neighbours in the list: clips an even number apart are of other scenes.
_OTHER_CLIPS = 20
# Points along a side of the search for the best one.
_SEARCH = 33

Maps = Float[np.ndarray, "v t g g"]
Boxes = Float[np.ndarray, "v t 4"]


class Measured(NamedTuple):
    """One measure of every clip, float [v], and what it is held against.

    mover: of the object that moves. fixed: of an alignment that never moves. random: of the objects
    that move in other clips, which this one cannot know of. distractor: of the objects that do not
    move, NaN where there are none. best: the most, or of distances the least, that the model
    could reach.
    """

    mover: np.ndarray
    fixed: np.ndarray
    random: np.ndarray
    distractor: np.ndarray
    best: np.ndarray


class Places(NamedTuple):
    """Where objects are in the frames of clips: x0 y0 x1 y1 as shares of the sides.

    movers: of the objects that move. distractors: of those that do not, NaN where a clip has fewer;
    n = 0 where no clip has any.
    """

    movers: Boxes
    distractors: Float[np.ndarray, "v n t 4"]

    def shuffled(self, by: int) -> "Places":
        """The same boxes, each of the clip that is so many later in the list."""
        return Places(*(np.roll(boxes, -by, axis=0) for boxes in self))


def of_masks(masks: Maps, places: Places, *, reach: float, width: float) -> Measured:
    """The share of mask weight on objects.

    fixed: of a mask around the middle of the frame, as a fresh model has it. best: of a single mask
    around the best point of each frame. reach, width: those of `PointsConfig`.
    """
    grid = masks.shape[-1]
    middle = np.asarray(mask(jnp.zeros(2), grid, None, width))
    best = _best_share(coverage(places.movers, grid), reach, width)
    return _of_weights(masks, np.broadcast_to(middle, masks.shape), best, places)


def of_maps(maps: Maps, places: Places) -> Measured:
    """The share of any other weights of patches, as of attention, on objects.

    fixed: of the mean of all clips' and frames' weights. best: of all weight on the patch of each
    frame that the object covers most.
    """
    mean = maps.mean(axis=(0, 1))
    best = coverage(places.movers, maps.shape[-1]).max(axis=(2, 3)).mean(axis=1)
    return _of_weights(maps, np.broadcast_to(mean, maps.shape), best, places)


def of_points(
    points: Float[np.ndarray, "v s 2 2"], places: Places, *, grid: int, reach: float
) -> Measured:
    """Distances of interactive points to the middles of objects, in sides of the frame.

    points: (x, y) in the earlier and the later frame of each pair. fixed: of the middle of the
    frame. best: of the nearest place that a point can reach.
    """
    placed = in_frame(points, grid)
    movers = centres(_of_pairs(places.movers))
    limits = in_frame(np.array([[-reach], [reach]]), grid)
    others = centres(_of_pairs(places.distractors))

    def distance(of: np.ndarray, to: np.ndarray) -> np.ndarray:
        return _by_clip(np.linalg.norm(of - to, axis=-1))

    return Measured(
        distance(placed, movers),
        distance(np.array([0.5, 0.5]), movers),
        _of_other_clips(lambda shifted: distance(placed, centres(_of_pairs(shifted))), places),
        _mean_of_distractors(np.linalg.norm(placed[:, None] - others, axis=-1)),
        distance(np.clip(movers, limits[0], limits[1]), movers),
    )


def of_exchange(taken: Float[np.ndarray, "v t p s q"], places: Places) -> Measured:
    """Where the patches of an object take from, of what they take from other frames' patches.

    taken: what patch p of frame t takes from patch q of frame s, as attention weights; its own
    frame does not count. A patch counts by the share of it that the object covers.
    fixed: of taking from the same patch of all other frames alike. best: of taking from the patch
    that the object covers most, of those that are reached at all.
    """
    taken = _from_other_frames(taken)
    frames, patches = taken.shape[1:3]
    same_place = np.eye(patches)[None, :, None] * (1 - np.eye(frames))[:, None, :, None]
    own = _patches(places.movers, patches)
    reached = np.where(taken > 0, own[:, None, None], 0).max(axis=(3, 4))
    return _of_exchange(taken, same_place[None], _weighted(reached, own), places)


def of_matching(partner: np.ndarray, places: Places) -> Measured:
    """The share of an object's patches whose partner in the next frame is on the object.

    partner: ATA's, int [v, s, p]: the patch of frame s + 1 that patch p of frame s is matched to.
    fixed: of matching each patch to its own place. best: of the best one-to-one matching.
    """
    patches = partner.shape[-1]
    frames = partner.shape[1] + 1
    next_frame = np.eye(frames, k=1)[:, None, :, None]
    taken = np.zeros((len(partner), frames, patches, frames, patches), np.float32)
    for s in range(frames - 1):
        taken[:, s, :, s + 1] = np.eye(patches, dtype=np.float32)[partner[:, s]]
    own = _patches(places.movers, patches)
    # Products of sorted numbers have the largest sum that any order gives.
    now, later = np.sort(own[:, :-1], axis=-1), np.sort(own[:, 1:], axis=-1)
    best = (now * later).sum(axis=(1, 2)) / now.sum(axis=(1, 2))
    same_place = np.eye(patches)[None, :, None] * next_frame
    return _of_exchange(taken, same_place[None], best, places)


def _of_weights(weights: Maps, fixed: Maps, best: np.ndarray, places: Places) -> Measured:
    grid = weights.shape[-1]

    def on(maps: Maps, boxes: Boxes) -> np.ndarray:
        return _by_clip(share(maps, coverage(boxes, grid)))

    return Measured(
        on(weights, places.movers),
        on(fixed, places.movers),
        _of_other_clips(lambda boxes: on(weights, boxes), places),
        _mean_of_distractors(share(weights[:, None], coverage(places.distractors, grid))),
        best,
    )


def _best_share(cover: Maps, reach: float, width: float) -> np.ndarray:
    """The largest share of one mask's weight on an object, over all points in reach, [v]."""
    line = np.linspace(-reach, reach, _SEARCH)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    masks = np.asarray(mask(jnp.asarray(points), cover.shape[-1], None, width), np.float64)
    unit = masks / masks.sum(axis=(1, 2), keepdims=True)
    return _by_clip(np.einsum("kij,vtij->vtk", unit, cover, optimize=True).max(axis=-1))


def _of_exchange(
    taken: np.ndarray, same_place: np.ndarray, best: np.ndarray, places: Places
) -> Measured:
    patches = taken.shape[2]

    def to(weights: np.ndarray, boxes: Boxes, origin: Boxes) -> np.ndarray:
        own, target = _patches(origin, patches), _patches(boxes, patches)
        reached = np.einsum("vtpsq,vsq->vtp", weights, target, optimize=True)
        return _weighted(reached, own, weights.sum(axis=(3, 4)))

    distractors = [
        to(taken, boxes, places.movers) for boxes in np.moveaxis(places.distractors, 1, 0)
    ]
    return Measured(
        to(taken, places.movers, places.movers),
        to(np.broadcast_to(same_place, taken.shape), places.movers, places.movers),
        _of_other_clips(lambda boxes: to(taken, boxes, boxes), places),
        _mean_of_distractors(np.stack(distractors, axis=1) if distractors else _none(taken)),
        best,
    )


def _weighted(values: np.ndarray, cover: np.ndarray, total: np.ndarray | None = None) -> np.ndarray:
    """The mean of values over patches, by how much of each an object covers, [v].

    total: what the values are shares of, 1 by default. NaN where the object is not in the clip.
    """
    whole = np.ones_like(values) if total is None else total
    # A frame from which nothing is taken, the last of a matching, has no part in either sum.
    counted = cover * (whole > 0)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = (values * counted).sum(axis=(1, 2)) / (whole * counted).sum(axis=(1, 2))
    return means


def _from_other_frames(taken: np.ndarray) -> np.ndarray:
    other = 1 - np.eye(taken.shape[1], dtype=taken.dtype)
    others: np.ndarray = taken * other[None, :, None, :, None]
    return others


def _patches(boxes: Boxes, patches: int) -> np.ndarray:
    """How much of each patch a box covers, [v, t, p]."""
    cover = coverage(boxes, round(patches**0.5))
    flat: np.ndarray = cover.reshape(*cover.shape[:-2], patches)
    return flat


def _of_pairs(boxes: np.ndarray) -> np.ndarray:
    """Boxes [..., t, 4] of the earlier and the later frame of each pair, [..., s, 2, 4]."""
    return np.stack([boxes[..., :-1, :], boxes[..., 1:, :]], axis=-2)


def _of_other_clips(measure: Callable[[Boxes], np.ndarray], places: Places) -> np.ndarray:
    """The mean of a measure against the moving objects of other clips, [v]."""
    count = len(places.movers)
    steps = range(2, min(2 + 2 * _OTHER_CLIPS, count), 2)
    # A list of one scene has no other.
    if not steps:
        return np.full(count, np.nan)
    values: np.ndarray = np.mean([measure(places.shuffled(by).movers) for by in steps], axis=0)
    return values


def _mean_of_distractors(values: np.ndarray) -> np.ndarray:
    """The mean over a clip's objects that do not move, and over all else, of [v, n, ...]."""
    by_object = values.mean(axis=tuple(range(2, values.ndim)))
    count = np.isfinite(by_object).sum(axis=1)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = np.nansum(by_object, axis=1) / count
    return means


def _none(taken: np.ndarray) -> np.ndarray:
    return np.zeros((len(taken), 0, 1))


def _by_clip(values: np.ndarray) -> np.ndarray:
    """The mean of each clip, the first axis, over all other axes."""
    means: np.ndarray = np.asarray(values, np.float64).reshape(len(values), -1).mean(axis=1)
    return means

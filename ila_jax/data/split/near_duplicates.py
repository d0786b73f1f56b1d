"""Which videos show the same take: encoded anew, cropped a little, or cut at other times.

Two films of one room look alike and are none: what is compared is how pictures differ from the
middle of their own video, at the offset in time at which they agree best.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from ila_jax.data.split.strips import Strip

# Correlations, 1 is the same. Chosen on drawn videos (docs/data.md has what they find and miss).
_SAME_MEAN = 0.7  # of the means over time, below which two videos are not compared
_SAME_PLACE = 0.94  # of the pictures, on average
_SAME_TAKE = 0.75  # of what moves
_SAME_STILL = 0.998  # of the means, where nothing moves
_MOVES = 1.5  # levels of 255: the deviation over time above which something moves
_OVERLAP = 0.5  # of the shorter video, at least, and as many pictures:
_FEWEST = 3
_BLUR = 1.0  # pixels: so much of a crop's shift is let pass


class Alike(NamedTuple):
    """Two videos by their places, and how far they agree: a correlation, 1 is the same."""

    one: int
    other: int
    agreement: float


def near_duplicates(strips: Sequence[Strip]) -> list[Alike]:
    """Every pair of videos that show the same take; what cannot be read is like nothing."""
    blurred = {k: _blurred(strip) for k, strip in enumerate(strips) if len(strip.pictures)}
    if len(blurred) < 2:
        return []
    places = list(blurred)
    means = _unit(np.stack([strip.pictures.mean(0) for strip in blurred.values()]))
    alike = []
    # Row by row: of many videos, all pairs at once would not fit into memory.
    for row in tqdm(range(len(places)), "comparing videos", unit=" videos", delay=2):
        similar = means[row + 1 :] @ means[row]
        for column in (np.flatnonzero(similar > _SAME_MEAN) + row + 1).tolist():
            one, other = places[row], places[column]
            agreement = _agreement(blurred[one], blurred[other], similar[column - row - 1])
            if agreement is not None:
                alike.append(Alike(one, other, float(agreement)))
    return alike


def _agreement(one: Strip, other: Strip, means: float) -> float | None:
    """How far two blurred videos show the same take, or None where they do not.

    means: the correlation of their means.
    """
    step = max(one.step, other.step)
    a, b = one.at_step(step), other.at_step(step)
    moving_a, moving_b = ((x - x.mean(0)).reshape(len(x), -1) for x in (a, b))
    if max(moving_a.std(), moving_b.std()) < _MOVES:
        return means if means >= _SAME_STILL else None
    correlations = _correlations(moving_a, moving_b)
    offset = int(correlations.argmax()) + 1 - len(a)
    first, last = max(0, -offset), min(len(a), len(b) - offset)
    place = (_unit(a[first:last]) * _unit(b[first + offset : last + offset])).sum(1).mean()
    same = correlations.max() >= _SAME_TAKE and place >= _SAME_PLACE
    return correlations.max() if same else None


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The correlation of [n, d] and [m, d] at each offset of the second, from 1 - n to m - 1.

    It is -1 at offsets at which too little of them overlaps.
    """
    n, m = len(a), len(b)
    products = _sums_of_diagonals(a @ b.T)
    energy_a = _sums_of_diagonals(np.repeat((a**2).sum(1)[:, None], m, 1))
    energy_b = _sums_of_diagonals(np.repeat((b**2).sum(1)[None], n, 0))
    overlap = _sums_of_diagonals(np.ones((n, m), np.float32))
    enough = overlap >= max(_OVERLAP * min(n, m), min(_FEWEST, n, m))
    correlations: np.ndarray = products / np.sqrt(np.maximum(energy_a * energy_b, 1e-6))
    correlations[~enough] = -1
    return correlations


def _sums_of_diagonals(matrix: np.ndarray) -> np.ndarray:
    """The sum of each diagonal of [n, m], from that of the lower left corner on: [n + m - 1]."""
    n, m = matrix.shape
    # Each row of the padded matrix is one place longer than a row of the new one, so that there
    # each is moved to the right by one more than the row before.
    padded = np.pad(matrix[::-1], ((0, 0), (0, n))).ravel()[: n * (n + m - 1)]
    sums: np.ndarray = padded.reshape(n, n + m - 1).sum(0)
    return sums


def _blurred(strip: Strip) -> Strip:
    """A strip in float32, without what a slight crop moves."""
    pictures = [cv2.GaussianBlur(p.astype(np.float32), (0, 0), _BLUR) for p in strip.pictures]
    return Strip(strip.step, np.stack(pictures))


def _unit(pictures: np.ndarray) -> np.ndarray:
    """[n, side, side] as vectors of mean 0 and length 1, [n, side²]; plain ones are 0."""
    vectors: np.ndarray = pictures.reshape(len(pictures), -1)
    vectors = vectors - vectors.mean(1, keepdims=True)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return vectors

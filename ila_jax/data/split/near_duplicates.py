"""Which videos show the same take: encoded anew, cropped a little, or cut at other times.

Two films of one room look alike and are none: what is compared is how pictures differ from the
middle of their own video, at the offset in time at which they agree best.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from ila_jax.data.split.strips import SIDE, Strip

# Correlations, 1 is the same. Chosen on drawn videos (own-videos.md has what they find and miss).
_SAME_MEAN = 0.7  # of the means over time, below which two videos are not compared
_SAME_EACH = 0.86  # of the pictures, on average, and of what moves in them
_SAME_BOTH = 0.93  # the mean of the two
_SAME_STILL = 0.998  # of the means, where nothing moves
_NEARLY = 0.8  # of these: so much has to agree before crops are tried
_MOVES = 1.5  # levels of 255: the deviation over time above which something moves
_OVERLAP = 0.5  # of the shorter video, at least, and as many pictures:
_FEWEST = 3
_BLUR = 1.0  # pixels
_CROPS = (0.0, 0.035, 0.07)  # shares of a side that one of two videos may lack
_BETWEEN = (0.25, 0.5, 0.75)  # of the time from one picture to the next


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
    if max(_movement(a).std(), _movement(b).std()) < _MOVES:
        return means if means >= _SAME_STILL else None
    agreement = _at_best_offset(a, b)
    if not agreement.passes(_NEARLY):
        return None
    if not agreement.passes():
        b = _at_times_of(a, b)
        agreement = max(_cropped(a, b), _cropped(b, a), key=sum)
    return agreement.take if agreement.passes() else None


class _Agreement(NamedTuple):
    """How far two videos agree at one offset, in what moves and in their pictures."""

    take: float
    place: float

    def passes(self, share: float = 1.0) -> bool:
        """Whether both are what they have to be, or a share of it."""
        both = (self.take + self.place) / 2
        return min(self) >= share * _SAME_EACH and both >= share * _SAME_BOTH


def _at_times_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The second video, [m, side, side] or one picture less, at times that are the first's.

    Where one was cut at other times, its pictures lie between those of the other, and what moves
    is never at one place in both.
    """
    shifted = [b, *((1 - share) * b[:-1] + share * b[1:] for share in _BETWEEN if len(b) > 1)]
    return max(shifted, key=lambda x: sum(_at_best_offset(a, x)))


def _cropped(a: np.ndarray, b: np.ndarray) -> _Agreement:
    """How far two videos agree if the first lacks something at its sides that the second has."""
    # First left and right, then above and below: both together would be 81 comparisons.
    wide = max((b @ window.T for window in _windows()), key=lambda x: sum(_at_best_offset(a, x)))
    return max((_at_best_offset(a, window @ wide) for window in _windows()), key=sum)


@functools.cache
def _windows() -> list[np.ndarray]:
    """Matrices [side, side] that stretch a part of a line of pixels over the whole of it."""
    return [_window(before, after) for before in _CROPS for after in _CROPS]


def _window(before: float, after: float) -> np.ndarray:
    """The matrix of linear interpolation, without these shares of the line at its ends."""
    middles = (np.arange(SIDE) + 0.5) * (1 - before - after) + before * SIDE - 0.5
    left = np.clip(middles.astype(int), 0, SIDE - 2)
    weight = np.clip(middles - left, 0, 1)
    matrix = np.zeros((SIDE, SIDE), np.float32)
    matrix[np.arange(SIDE), left] = 1 - weight
    matrix[np.arange(SIDE), left + 1] = weight
    return matrix


def _at_best_offset(a: np.ndarray, b: np.ndarray) -> _Agreement:
    """How far [n, side, side] and [m, side, side] agree at the best offset in time."""
    correlations = _correlations(_movement(a), _movement(b))
    offset = int(correlations.argmax()) + 1 - len(a)
    first, last = max(0, -offset), min(len(a), len(b) - offset)
    place = (_unit(a[first:last]) * _unit(b[first + offset : last + offset])).sum(1).mean()
    return _Agreement(float(correlations.max()), float(place))


def _movement(pictures: np.ndarray) -> np.ndarray:
    """How each picture differs from the mean of all: [n, side²]."""
    difference: np.ndarray = (pictures - pictures.mean(0)).reshape(len(pictures), -1)
    return difference


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

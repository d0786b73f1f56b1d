"""How well probabilities say how often the best class is right: the calibration error, by bins."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Bins of confidence, as many as is usual since Guo et al. (2017): more of them give a larger error.
_BINS = 15


@dataclass(frozen=True)
class Bin:
    """The videos whose best class has a probability in (low, high].

    confidence: the mean of those probabilities. accuracy: the share that is right. Both are None
    where there are no videos. Where videos have several classes, it is of all pairs of a video and
    a class: videos counts pairs, and accuracy is the share of them whose video has the class.
    """

    low: float
    high: float
    videos: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """How well probabilities say how often the best class is right.

    error: the expected calibration error, the mean of |accuracy - confidence| over the videos, or
    over the pairs of a video and a class.
    """

    error: float
    bins: tuple[Bin, ...]


def calibration(probabilities: NDArray[Any], labels: NDArray[Any]) -> Calibration:
    """How far the best class's probability is from how often it is right, in 15 equal bins.

    It is the definition of Guo et al. (2017), "On calibration of modern neural networks", eq. 3.
    probabilities: float [v, k]. labels: int [v]. Of equal classes the lower one is the best.
    Of labels bool [v, k], each class of each video is a question of its own.
    """
    if labels.ndim == 2:
        confidence, right = probabilities.ravel(), labels.ravel()
    else:
        confidence = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, _BINS + 1)
    # A sum of rounded shares can be just over 1.
    number = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, _BINS - 1)
    bins, error = [], 0.0
    for i in range(_BINS):
        in_bin = number == i
        count = int(in_bin.sum())
        sure = float(confidence[in_bin].mean()) if count else None
        hits = float(right[in_bin].mean()) if count else None
        bins.append(Bin(float(edges[i]), float(edges[i + 1]), count, sure, hits))
        # Bins weigh as much as they have videos, so that the sum is a mean over videos.
        if sure is not None and hits is not None:
            error += count / len(right) * abs(sure - hits)
    return Calibration(error, tuple(bins))


def expected_calibration_error(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """The error of `calibration` alone, from 0 to 1."""
    return calibration(probabilities, labels).error

"""Mean average precision: how far the videos of a class stand before all others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_average_precision(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean of `average_precision` over the classes that have a video.

    scores: float [v, k]. labels: the class of each video, int [v], or whether each class is in each
    video, [v, k]. It is scikit-learn's `average_precision_score(average="macro")`, which takes 0
    for a class without a video. Charades' own program (Charades_v1_classify) skips those, as here;
    it also puts videos without any label last in every class, for which their scores are to be set
    to minus infinity before. It is 0 where no video has a class.
    """
    classes = scores.shape[1]
    truth = labels.astype(bool) if labels.ndim == 2 else labels[:, None] == np.arange(classes)
    present = [value for value in average_precisions(scores, truth) if value is not None]
    return float(np.mean(present)) if present else 0.0


def average_precisions(scores: NDArray[Any], truth: NDArray[np.bool_]) -> list[float | None]:
    """The average precision of each class; None for a class that no video has. Both are [v, k]."""
    return [
        average_precision(scores[:, k], truth[:, k]) if truth[:, k].any() else None
        for k in range(truth.shape[1])
    ]


def average_precision(scores: NDArray[Any], truth: NDArray[np.bool_]) -> float:
    """The precision at each score, weighed by the recall that is won there.

    scores: float [v]. truth: bool [v], at least one of them true. Nothing is interpolated, and
    videos of the same score are taken together, so that their order does not matter.
    """
    order = np.argsort(-scores, kind="stable")
    # Where a group of equal scores ends: a threshold lets in all of it, or none.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(truth[order])[ends]
    won = np.diff(hits, prepend=0) / truth.sum()
    return float(np.sum(won * hits / (ends + 1)))

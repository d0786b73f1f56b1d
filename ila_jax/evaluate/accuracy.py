"""What scored videos come to: accuracies with their intervals, and confusions.

Plain numpy on what every video's views said together; evaluation.md says how it is counted.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import stats

from ila_jax.scoring.intervals import LEVEL, wilson_interval
from ila_jax.scoring.metrics import best_classes, metrics_of, top_hits

# Pairs of confused classes that results list. 400 classes have 159,600 of them.
_PAIRS = 20


@dataclass(frozen=True)
class ScoredVideos:
    """All listed videos, in the order of the list.

    label: int [n], or bool [n, k] of any number of classes. reason: int [n], a `Reason`, or -1 of a
    video that could be read. short: bool [n], has fewer frames than a clip. probabilities: float64
    [n, k], the mean over a video's views; zeros for one that could not be read.
    """

    label: np.ndarray
    reason: np.ndarray
    short: np.ndarray
    probabilities: np.ndarray

    @property
    def readable(self) -> np.ndarray:
        """Which videos could be read: bool [n]."""
        return self.reason < 0

    @cached_property
    def top(self) -> np.ndarray:
        """The best classes of each video that could be read, best first: int [r, 5]."""
        return best_classes(self.probabilities[self.readable])

    @property
    def several_labels(self) -> bool:
        """Whether a video may have any number of classes."""
        return self.label.ndim == 2

    @property
    def right(self) -> np.ndarray:
        """Whether the best class of each video is its class, or one of them: bool [n]."""
        return np.asarray(self.readable & top_hits(self.probabilities, self.label, of=1))

    @property
    def predicted(self) -> np.ndarray:
        """The best class: int [n], -1 of a video that could not be read."""
        out = np.full(len(self.label), -1)
        out[self.readable] = self.top[:, 0]
        return out


class Share(NamedTuple):
    """A share of hits among videos, from 0 to 1, and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    hits: int
    videos: int


class Mean(NamedTuple):
    """A metric that is a mean of shares, and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Value(NamedTuple):
    """A metric whose interval is not known."""

    value: float


Measured = Share | Mean | Value


@dataclass(frozen=True)
class ClassAccuracy:
    """How many videos of a class are listed, could be read, and were named right.

    top1: the share of hits among those that could be read. low, high: its 95 % interval by Wilson.
    All three are None where there are no such videos.
    """

    name: str
    listed: int
    decoded: int
    hits: int
    top1: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Confusion:
    """How many videos of a class were taken for another, and what share of those decoded."""

    label: str
    predicted: str
    videos: int
    share: float


def share(hits: int, videos: int) -> Share:
    """A share of videos with its percentile bootstrap interval.

    A resample of n videos, of which a share p are hits, has a binomial number of hits. So what
    drawing resamples comes to when there are very many of them is the binomial's quantiles, and
    nothing is drawn. Errors: ValueError for no videos.
    """
    if videos < 1:
        raise ValueError("a share of no videos: expected at least one")
    # Half of what lies outside of the interval is below it, half above.
    value, outside = hits / videos, (1 - LEVEL) / 2
    low, high = stats.binom.ppf([outside, 1 - outside], videos, value) / videos
    return Share(value, float(low), float(high), int(hits), int(videos))


def metric_values(videos: ScoredVideos) -> dict[str, dict[str, Measured]]:
    """Every metric that is defined for the labels by its name, as `result.json` holds them.

    Shares are over the listed videos and over those that could be read, other metrics over the
    latter alone. Errors: ValueError when no video could be read.
    """
    probabilities, label = videos.probabilities[videos.readable], videos.label[videos.readable]
    counts = {"listed": len(videos.label), "decoded": len(label)}
    values: dict[str, dict[str, Measured]] = {}
    for name, metric in metrics_of(label).items():
        measured = np.asarray(metric.measure(probabilities, label))
        if measured.dtype == bool:
            hits = int(measured.sum())
            values[name] = {over: share(hits, count) for over, count in counts.items()}
        elif metric.interval is not None:
            ends = metric.interval(probabilities, label)
            values[name] = {"decoded": Mean(float(measured.mean()), *ends)}
        else:
            values[name] = {"decoded": Value(float(measured.mean()))}
    return values


def confusion_matrix(videos: ScoredVideos) -> np.ndarray:
    """How many videos of class i were taken for class j: int [k, k]."""
    classes = videos.probabilities.shape[1]
    counts = np.zeros((classes, classes), np.int64)
    # Not `counts[...] += 1`, which counts a pair of indices that is there twice only once.
    np.add.at(counts, (videos.label[videos.readable], videos.top[:, 0]), 1)
    return counts


def per_class(videos: ScoredVideos, names: tuple[str, ...]) -> list[ClassAccuracy]:
    """The counts and top-1 of every class, in the order of their numbers."""
    listed = np.bincount(videos.label, minlength=len(names)).tolist()
    counts = confusion_matrix(videos)
    return [
        ClassAccuracy(name, n, decoded, hits, *share_of_class(hits, decoded))
        for name, n, decoded, hits in zip(
            names, listed, counts.sum(axis=1).tolist(), counts.diagonal().tolist(), strict=True
        )
    ]


def share_of_class(hits: int, decoded: int) -> tuple[float | None, float | None, float | None]:
    """The share of a class's hits and its interval by Wilson; None of all without videos."""
    return (hits / decoded, *wilson_interval(hits, decoded)) if decoded else (None, None, None)


def most_confused(videos: ScoredVideos, names: tuple[str, ...]) -> list[Confusion]:
    """The pairs of classes most videos went wrong between, the most first, then by class."""
    counts = confusion_matrix(videos)
    decoded = counts.sum(axis=1)
    wrong = counts - np.diag(counts.diagonal())
    pairs = np.argwhere(wrong)
    # `argwhere` gives the pairs by class, and a stable sort keeps that order among equals.
    order = np.argsort(-wrong[tuple(pairs.T)], kind="stable")[:_PAIRS]
    return [
        Confusion(names[i], names[j], int(wrong[i, j]), float(wrong[i, j] / decoded[i]))
        for i, j in pairs[order].tolist()
    ]

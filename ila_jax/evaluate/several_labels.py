"""What scored videos of any number of classes come to, class by class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ila_jax.evaluate.accuracy import ScoredVideos, share_of_class
from ila_jax.scoring.average_precision import average_precisions
from ila_jax.scoring.metrics import class_hits


@dataclass(frozen=True)
class ClassPrecision:
    """How far the videos of a class stand before all others, and how many of them were named.

    listed, decoded: videos that have the class, and those of them that could be read.
    average_precision: None without such videos. named: videos of which the class has 50 % or more.
    hits: those of them that have it. recall: the share of hits among `decoded`. low, high: its 95 %
    interval by Wilson. The last three are None without videos.
    """

    name: str
    listed: int
    decoded: int
    average_precision: float | None
    named: int
    hits: int
    recall: float | None
    low: float | None
    high: float | None


def class_precisions(videos: ScoredVideos, names: tuple[str, ...]) -> list[ClassPrecision]:
    """The precision of every class, in the order of their numbers. The labels are bool [n, k]."""
    probabilities, label = videos.probabilities[videos.readable], videos.label[videos.readable]
    of_classes = zip(
        names,
        videos.label.sum(axis=0).tolist(),
        average_precisions(probabilities, label),
        *(counts.tolist() for counts in class_hits(probabilities, label)),
        strict=True,
    )
    return [
        ClassPrecision(
            name, listed, decoded, precision, named, hits, *share_of_class(hits, decoded)
        )
        for name, listed, precision, hits, decoded, named in of_classes
    ]


def label_names(class_names: Sequence[str], label: np.ndarray) -> str:
    """The name of a video's class, int [], or the names of all its classes, bool [k]."""
    numbers: list[int] = np.flatnonzero(label).tolist() if label.ndim else [int(label)]
    return ", ".join(class_names[number] for number in numbers) or "none of the classes"

"""The metrics that a model is judged by: each is one function of probabilities and labels.

To add one, write its function and its row in METRICS. Under the name of the row it then stands in a
run's `metrics.jsonl` as `val/NAME`, in the `result.json` and the report of an evaluation, and in
the comparison of two evaluations.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ila_jax.scoring.average_precision import mean_average_precision
from ila_jax.scoring.calibration import expected_calibration_error
from ila_jax.scoring.intervals import mean_interval

# More classes of a video than these are never asked for: top-5 is the most that papers give.
_BEST = 5
# Where a class that excludes no other counts as named: as probable as not.
THRESHOLD = 0.5


class Metric(NamedTuple):
    """A metric from 0 to 1, which people are shown in percent under its title.

    measure: takes the probabilities, float [v, k], and the labels of the videos that could be read,
    int [v], or bool [v, k] of videos of any number of classes. It returns either bool [v], whether
    each video is a hit, and the metric is their share; or one number for all videos. A share gets
    an interval in an evaluation, and is given of the listed videos as well, where one that could
    not be read is no hit. of_several: whether it is defined for labels [v, k]. interval: of one
    number, from the same arguments, where that is known. above: with so many classes or fewer it
    tells nothing, and people are not shown it.
    """

    title: str
    measure: Callable[[NDArray[Any], NDArray[Any]], Any]
    of_several: bool = True
    interval: Callable[[NDArray[Any], NDArray[Any]], tuple[float, float]] | None = None
    above: int = 0

    def value(self, probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
        """The metric as one number: the share of hits, or the number itself."""
        return float(np.mean(self.measure(probabilities, labels)))


def best_classes(scores: NDArray[Any]) -> NDArray[Any]:
    """From scores [v, k] the five best classes of each video, best first: int [v, 5].

    There are fewer where there are fewer classes. Of equal scores the class with the lower number
    comes first, so that a tie is decided in the same way everywhere.
    """
    return np.argsort(-scores, axis=1, kind="stable")[:, :_BEST]


def top_hits(probabilities: NDArray[Any], labels: NDArray[Any], *, of: int) -> NDArray[Any]:
    """Whether the label of each video is among its best `of` classes, at most 5: bool [v].

    Of labels [v, k], whether one of a video's classes is: Hit@k of YouTube-8M (Abu-El-Haija et al.,
    2016). A video without any class has nothing to hit.
    """
    best = best_classes(probabilities)[:, :of]
    if labels.ndim == 2:
        return np.asarray(np.take_along_axis(labels, best, axis=1).any(axis=1))
    return np.asarray((best == labels[:, None]).any(axis=1))


def macro_accuracy(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean of the classes' recalls, over the classes that have a video.

    Every class counts the same, however many videos it has. It is scikit-learn's
    `balanced_accuracy_score`.
    """
    hits, listed, _ = class_hits(probabilities, labels)
    with_videos = listed > 0
    return float(np.mean(hits[with_videos] / listed[with_videos]))


def macro_accuracy_interval(
    probabilities: NDArray[Any], labels: NDArray[Any]
) -> tuple[float, float]:
    """The 95 % interval of the macro accuracy: videos are resampled within their classes."""
    hits, listed, _ = class_hits(probabilities, labels)
    return mean_interval(hits, listed)


def macro_f1(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean of the classes' F1, the harmonic mean of a class's recall and precision.

    It is over the classes that have a video or were named, as scikit-learn's
    `f1_score(average="macro")` takes it: a class that was named and has no video counts as 0.
    Of labels [v, k], a video is named every class whose probability is 50 % or more.
    """
    hits, listed, named = class_hits(probabilities, labels)
    present = listed + named > 0
    if not present.any():
        return 0.0
    return float(np.mean(2 * hits[present] / (listed + named)[present]))


def class_hits(
    probabilities: NDArray[Any], labels: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Of each class the videos that were named right, that it has, and that were named it: [k].

    A video is named its best class, or of labels [v, k] every class of 50 % or more.
    """
    if labels.ndim == 2:
        chosen = probabilities >= THRESHOLD
        return (chosen & labels).sum(axis=0), labels.sum(axis=0), chosen.sum(axis=0)
    classes, best = probabilities.shape[1], best_classes(probabilities)[:, 0]
    of_videos = (labels[best == labels], labels, best)
    hits, listed, named = (np.bincount(numbers, minlength=classes) for numbers in of_videos)
    return hits, listed, named


METRICS: dict[str, Metric] = {
    # The best checkpoint of a run is the best in this one, if train.best_metric names no other.
    "top1": Metric("top-1", partial(top_hits, of=1)),
    "top5": Metric("top-5", partial(top_hits, of=5), above=5),
    "macro_accuracy": Metric(
        "macro accuracy", macro_accuracy, of_several=False, interval=macro_accuracy_interval
    ),
    "macro_f1": Metric("macro-F1", macro_f1),
    "map": Metric("mAP", mean_average_precision),
    "ece": Metric("calibration error", expected_calibration_error),
}


def metrics_of(labels: NDArray[Any]) -> dict[str, Metric]:
    """Those of METRICS that are defined for labels, int [v] or bool [v, k], by name."""
    return {
        name: metric for name, metric in METRICS.items() if labels.ndim == 1 or metric.of_several
    }


def telling(classes: int) -> dict[str, Metric]:
    """Those of METRICS that tell something of so many classes: of five, any is among the best 5."""
    return {name: metric for name, metric in METRICS.items() if classes > metric.above}

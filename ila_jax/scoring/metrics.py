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

# More classes of a video than these are never asked for: top-5 is the most that papers give.
_BEST = 5


class Metric(NamedTuple):
    """A metric from 0 to 1, which people are shown in percent under its title.

    measure: takes the probabilities, float [v, k], and the labels, int [v], of the videos that
    could be read. It returns either bool [v], whether each video is a hit, and the metric is their
    share; or one number for all videos. A share gets an interval in an evaluation, and is given of
    the listed videos as well, where one that could not be read is no hit.
    """

    title: str
    measure: Callable[[NDArray[Any], NDArray[Any]], Any]

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
    """Whether the label of each video is among its best `of` classes, at most 5: bool [v]."""
    best = best_classes(probabilities)[:, :of]
    return np.asarray((best == labels[:, None]).any(axis=1))


METRICS: dict[str, Metric] = {
    # The best checkpoint of a run is the best in this one (weights/run.py).
    "top1": Metric("top-1", partial(top_hits, of=1)),
    "top5": Metric("top-5", partial(top_hits, of=5)),
}

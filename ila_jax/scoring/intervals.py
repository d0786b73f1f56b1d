"""How sure a share of videos is: the interval that it lies in, by the number of videos."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

# Of all confidence intervals; the report and the docs say 95 % in words.
LEVEL = 0.95
# Resamples of a mean of shares, which has no closed form. Their seed is fixed: the same videos have
# the same interval, to a tenth of a point.
_RESAMPLES, _SEED = 10_000, 0


def wilson_interval(hits: int, videos: int) -> tuple[float, float]:
    """The 95 % score interval of Wilson (1927) for a share of hits among at least one video.

    With few videos it keeps its level where others fail (Brown, Cai and DasGupta, 2001,
    "Interval estimation for a binomial proportion"), and it has a width also when all are hits.
    """
    interval = stats.binomtest(hits, videos).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(hits: NDArray[Any], videos: NDArray[Any]) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of a mean of classes' shares of hits.

    hits, videos: of each class, int [k]; a class without videos is in no mean. Videos are resampled
    within their class, whose number of hits is then binomial. Errors: ValueError for no videos.
    """
    with_videos = videos > 0
    if not with_videos.any():
        raise ValueError("a mean over no classes: expected one that has a video")
    hits, videos = hits[with_videos], videos[with_videos]
    rng = np.random.default_rng(_SEED)
    drawn = rng.binomial(videos, hits / videos, size=(_RESAMPLES, len(videos)))
    outside = (1 - LEVEL) / 2
    low, high = np.quantile((drawn / videos).mean(axis=1), [outside, 1 - outside])
    return float(low), float(high)

"""How sure a share of videos is: the interval that it lies in, by the number of videos."""

from scipy import stats

# Of all confidence intervals; the report and the docs say 95 % in words.
LEVEL = 0.95


def wilson_interval(hits: int, videos: int) -> tuple[float, float]:
    """The 95 % score interval of Wilson (1927) for a share of hits among at least one video.

    With few videos it keeps its level where others fail (Brown, Cai and DasGupta, 2001,
    "Interval estimation for a binomial proportion"), and it has a width also when all are hits.
    """
    interval = stats.binomtest(hits, videos).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)

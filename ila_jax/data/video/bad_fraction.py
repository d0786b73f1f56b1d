"""Decides how many bad videos are too many, for training, evaluating, preparing and checking."""

from collections import Counter
from collections.abc import Iterable

from ila_jax.data.video.bad import Reason


def too_many_bad(bad: int, videos: int, fraction: float) -> bool:
    """Whether more than `fraction` of all videos are bad: exactly as many as it says are not."""
    return bad > fraction * videos


def counted_reasons(names: Iterable[str]) -> str:
    """A line for each reason that is among the names of bad videos' reasons, with their number.

    The lines are in the order of `Reason`, and indented but for the first.
    """
    counts = Counter(names)
    return "\n  ".join(f"{counts[r.name]} x {r.sentence}" for r in Reason if r.name in counts)

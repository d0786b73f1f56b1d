"""What a model says of a video: its most probable classes, or why there are none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# Classes that are named where nothing else is asked for.
_TOP_K = 5


@dataclass(frozen=True)
class Prediction:
    """One class, and its probability: the mean over a video's views."""

    name: str
    probability: float


@dataclass(frozen=True)
class Span:
    """A part of a long video, start and end in seconds, and its most probable classes."""

    start: float
    end: float
    predictions: Sequence[Prediction]


@dataclass(frozen=True)
class Answer:
    """The most probable classes of a video, the mean over its timeline where it has one.

    It has none where no class was probable enough. video: its path, or its number where it was
    given as bytes or frames. short: it, or a window of it, has fewer frames than the model takes.
    problem: why there is no answer.
    """

    video: str
    predictions: Sequence[Prediction] = ()
    timeline: Sequence[Span] = ()
    short: bool = False
    problem: str | None = None


def best_classes(
    names: Sequence[str],
    probabilities: Float[np.ndarray, "k"],
    top_k: int | None,
    threshold: float | None,
) -> list[Prediction]:
    """The most probable classes, best first; of equals the one with the lower number.

    top_k: how many at most; None is 5, or with a threshold all. threshold: the least probability
    of a class that is named; None names any.
    """
    # With a threshold, as many as reach it: of a clip that shows seven things, five are too few.
    usual = _TOP_K if threshold is None else len(names)
    # Stable, so that equal classes come in the order of their numbers on every machine.
    order = np.argsort(-probabilities, kind="stable")[: usual if top_k is None else top_k]
    best = [Prediction(names[k], float(probabilities[k])) for k in order.tolist()]
    # Without a threshold also those that are no numbers, which damaged weights give.
    return [item for item in best if threshold is None or item.probability >= threshold]


def check_wanted(top_k: int | None, threshold: float | None) -> None:
    """Errors: ValueError for no class at all, and for a probability that none can have."""
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}: expected 1 or more classes to name")
    if threshold is not None and not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold:g}: expected a probability above 0, up to 1")

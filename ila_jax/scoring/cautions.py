"""What figures do not tell, in words: each function returns a sentence, or None where all is well.

For whoever trains on few videos: a number alone looks as sure on 30 clips as on 30,000.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ila_jax.scoring.intervals import wilson_interval

# Two models of this field mostly differ by less: ILA and X-CLIP at B/32 by 0.9 points (the paper's
# table of Kinetics-400, 81.3 and 80.4), so that a wider interval seldom tells which is better.
_TOLD_APART = 0.02
# With fewer clips of a class, one clip is over 10 points of its accuracy.
_FEW = 10
# Classes that a sentence names; the others are counted.
_NAMED = 5


class Accuracies(NamedTuple):
    """Top-1 after a step, from 0 to 1, on clips of training and of validation."""

    step: int
    train: float
    validation: float


def small_validation(hits: int, videos: int) -> str | None:
    """Whether a validation set can tell two models apart, by the interval of this model's top-1."""
    low, high = wilson_interval(hits, videos)
    half = (high - low) / 2
    if half <= _TOLD_APART:
        return None
    return (
        f"The {videos} validation videos are few: top-1 {hits / videos:.1%} is known to "
        f"±{100 * half:.1f} points (95 %, Wilson), so that they cannot tell apart two models that "
        "differ by less"
    )


def small_classes(clips: Mapping[str, int], *, of: str = "training") -> str | None:
    """Whether classes have fewer than 10 clips. clips: how many each has. of: which set, in words.

    The smallest come first; of equal ones, in the order of the mapping.
    """
    few = sorted((item for item in clips.items() if item[1] < _FEW), key=lambda item: item[1])
    if not few:
        return None
    named = ", ".join(f"{name} ({count})" for name, count in few[:_NAMED])
    more = f" and {len(few) - _NAMED} more" if len(few) > _NAMED else ""
    return (
        f"{len(few)} of {len(clips)} classes have fewer than {_FEW} {of} clips, and what is said "
        f"of them rests on these few: {named}{more}"
    )


def train_leaves_validation(history: Sequence[Accuracies], *, videos: int) -> str | None:
    """Whether a model goes on to learn its training clips while validation does not follow.

    It does since the best validation, when train accuracy rose further and validation lost more
    than chance explains, half the width of the interval. history: in the order of the steps.
    videos: of the validation set.
    """
    if len(history) < 2:
        return None
    # The first of equal ones: from there on nothing was won.
    best, last = max(history, key=lambda item: item.validation), history[-1]
    low, high = wilson_interval(round(best.validation * videos), videos)
    if last.train <= best.train or best.validation - last.validation <= (high - low) / 2:
        return None
    return (
        f"Train accuracy leaves validation behind: since step {best.step} it rose from "
        f"{best.train:.1%} to {last.train:.1%}, while validation fell from {best.validation:.1%} "
        f"to {last.validation:.1%}. The model learns its training clips by heart: take the "
        f"checkpoint of step {best.step}, and train for less time, with more augmentation or fewer "
        "layers"
    )

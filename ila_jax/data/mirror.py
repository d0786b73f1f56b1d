"""What a class becomes when its video is mirrored: the table behind label-aware flips."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32

NEVER = -1  # in a mirror table: a video of this class must not be flipped

# Longer spellings first: "clockwise" is a word of "counter-clockwise" too.
_COUNTER = r"(?:counter|anti)[-\s]?clockwise"
_SIDES = re.compile(rf"\b(?:(?P<counter>{_COUNTER})|(?P<side>clockwise|left|right))\b")
_OPPOSITE = {"left": "right", "right": "left", "clockwise": "counter", "counter": "clockwise"}


def mirror_table(class_names: Sequence[str]) -> Int32[np.ndarray, "k"]:
    """The label of each class's mirrored videos (training.md, "flip").

    A class that names no side keeps its label. One that names a side (left, right, clockwise,
    counter-clockwise in its spellings; whole words in any case) becomes the class that names the
    opposite sides, or NEVER when there is no such class, or more than one.
    """
    spelled = [_spelled(name) for name in class_names]
    return np.array(
        [
            label if name == mirrored else _only_index(spelled, mirrored)
            for label, (name, mirrored) in enumerate((name, _swapped(name)) for name in spelled)
        ],
        np.int32,
    ).reshape(-1)


def _spelled(name: str) -> str:
    """Lower case, single spaces (underscores are spaces), and one spelling of each side."""
    name = " ".join(name.lower().replace("_", " ").split())
    return _SIDES.sub(lambda found: found["side"] or "counter-clockwise", name)


def _swapped(name: str) -> str:
    def opposite(found: re.Match[str]) -> str:
        word = _OPPOSITE[found["side"] or "counter"]
        return "counter-clockwise" if word == "counter" else word

    return _SIDES.sub(opposite, name)


def _only_index(names: list[str], name: str) -> int:
    return names.index(name) if names.count(name) == 1 else NEVER

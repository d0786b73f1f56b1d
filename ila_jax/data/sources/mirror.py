"""What a class becomes when its video is mirrored: the table behind label-aware flips."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int32

from ila_jax.data.class_names.classes import composed
from ila_jax.files.counts import count_of
from ila_jax.files.text_files import listed, parse_json, read_text

NEVER = -1  # in a mirror table: a video of this class must not be flipped
_SHOWN = 5  # classes of each kind that are described

# Longer spellings come first: "clockwise" is a word of "counter-clockwise" too.
_COUNTER = r"(?:counter|anti)[-\s]?clockwise"
_SIDES = re.compile(rf"\b(?:(?P<counter>{_COUNTER})|(?P<side>clockwise|left|right))\b")
_RIGHT_OUT = re.compile(r"\bright(?= out\b)")
_OPPOSITE = {"left": "right", "right": "left", "clockwise": "counter", "counter": "clockwise"}


def mirrors(class_names: Sequence[str], file: str | None) -> Int32[np.ndarray, "k"]:
    """The label of each class's mirrored videos: by their names, or as a file says instead.

    file: JSON, `{"class": "its mirror class" or null for never, …}`; a pair may be given by either
    of its classes, a class that becomes itself flips freely, and classes that are not named keep
    what their names say. Errors: FileNotFoundError; ValueError that lists what does not fit.
    """
    # A file changes single classes: the names decide all the others.
    table = mirror_table(class_names)
    return table if file is None else _overridden(table, class_names, file)


def mirror_table(class_names: Sequence[str]) -> Int32[np.ndarray, "k"]:
    """The label of each class's mirrored videos (training.md, "flip").

    A class that names no side keeps its label. One that names a side (left, right, clockwise,
    counter-clockwise in its spellings; whole words in any case) becomes the class that names the
    opposite sides, or NEVER when there is no such class, or more than one.
    """
    spelled = [_spelled(name) for name in class_names]
    return np.array(
        [_mirror(label, name, spelled) for label, name in enumerate(spelled)], np.int32
    ).reshape(-1)


def described(table: np.ndarray, class_names: Sequence[str]) -> list[str]:
    """A flip table in words: a line, and one for each list of classes that is not empty."""
    swaps = [(k, m) for k, m in enumerate(table.tolist()) if m > k]
    never = [class_names[k] for k in np.flatnonzero(table == NEVER).tolist()]
    freely = len(table) - 2 * len(swaps) - len(never)
    swapped = count_of(len(swaps), "pair of classes swaps", "pairs of classes swap")
    unflipped = count_of(len(never), "class is", "classes are")
    kept = count_of(freely, "keeps its", "keep their")
    lines = [f"flips: {swapped}, {unflipped} never flipped, {kept} label"]
    if swaps:
        lines.append(_some("swap", [f"{class_names[k]} <-> {class_names[m]}" for k, m in swaps]))
    if never:
        lines.append(_some("never", never))
    return lines


def _some(what: str, items: Sequence[str]) -> str:
    more = f"; and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return f"  {what}: {'; '.join(items[:_SHOWN])}{more}"


def _overridden(table: np.ndarray, class_names: Sequence[str], file: str) -> np.ndarray:
    """The table, int32 [k], with what a file says of some classes in place of their names."""
    classes = {composed(name): label for label, name in enumerate(class_names)}
    problems, given = [], dict[int, int]()
    for name, mirror in _entries(file).items():
        if name not in classes:
            problems.append(f"{name!r} is no class{_near(name, classes)}")
        elif mirror is not None and (not isinstance(mirror, str) or mirror not in classes):
            problems.append(f"{name!r}: {mirror!r} is no class, nor null{_near(mirror, classes)}")
        else:
            given[classes[name]] = NEVER if mirror is None else classes[mirror]
    # A pair need be given once only; where both of its classes are, each keeps what it says.
    given = {m: k for k, m in given.items() if m != NEVER} | given
    table = table.copy()
    table[list(given)] = list(given.values())
    # Classes that the file does not touch are not its to answer for.
    for label, mirror in enumerate(table.tolist()):
        touched = label in given or mirror in given
        if touched and mirror != NEVER and table[mirror] != label:
            back = table[mirror]
            becomes = "never flips" if back == NEVER else f"becomes {class_names[back]!r}"
            problems.append(
                f"{class_names[label]!r} becomes {class_names[mirror]!r}, which {becomes}: a video "
                "flipped twice is itself again, so name both"
            )
    if problems:
        raise ValueError(listed(f"the mirror classes of {file} cannot be used", problems))
    return table


def _entries(file: str) -> dict[str, Any]:
    """What a file says of each class that it names. Errors: FileNotFoundError; ValueError."""
    what = 'JSON such as {"push left": "push right", "turn left": null}'
    # An object as its pairs: a dict would keep the last of a class that is named twice.
    pairs = parse_json(file, read_text(file, what), what, tuple)
    if not isinstance(pairs, tuple):
        raise ValueError(f"{file} is no object from class to mirror class: expected {what}")
    names = [composed(name) for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{file} names {twice!r} more than once: which of its mirrors is meant?")
    return {composed(k): composed(v) if isinstance(v, str) else v for k, v in pairs}


def _near(name: Any, classes: Mapping[str, int]) -> str:
    """A question after the class that a name is almost, if there is one."""
    near = difflib.get_close_matches(str(name), classes, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _mirror(label: int, name: str, spelled: list[str]) -> int:
    """The label of the mirrored videos of a class, or NEVER. spelled: the names of all classes."""
    mirrored = _swapped(name)
    if mirrored == name:
        return label
    if spelled.count(mirrored) == 1:
        return spelled.index(mirrored)
    # Something-Something's "pulling it right out" is no side, where nothing is pulled left out.
    return NEVER if mirrored in spelled or _SIDES.search(_RIGHT_OUT.sub("", name)) else label


def _spelled(name: str) -> str:
    """Lower case, single spaces (underscores are spaces), and one spelling of each side."""
    name = " ".join(name.lower().replace("_", " ").split())
    return _SIDES.sub(lambda match: match["side"] or "counter-clockwise", name)


def _swapped(name: str) -> str:
    """A spelled name with the opposite of each side that it names."""

    def opposite(match: re.Match[str]) -> str:
        word = _OPPOSITE[match["side"] or "counter"]
        return "counter-clockwise" if word == "counter" else word

    return _SIDES.sub(opposite, name)

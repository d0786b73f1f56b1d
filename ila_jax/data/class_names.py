"""Class names: files of them, and finding the class that an annotation's spelling means."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ila_jax.data.text_files import listed, read_text


class Classes:
    """The classes by name. Where no name is spelled just so, case and punctuation do not count."""

    def __init__(self, names: Sequence[str]) -> None:
        self._exact = {name: label for label, name in enumerate(names)}
        self._spelled: dict[str, int | None] = {}
        for label, name in enumerate(names):
            key = spelling(name)
            self._spelled[key] = None if key in self._spelled else label  # two: which is meant?

    def label(self, name: str) -> int | None:
        """The class that a name means, or None."""
        found = self._exact.get(name)
        return self._spelled.get(spelling(name)) if found is None else found

    def labels(self, path: str | Path, names: Iterable[str], what: str) -> dict[str, int]:
        """The class of each name in a file. what: such names are, in an error.

        Errors: ValueError that lists the names that mean no class.
        """
        found = {name: self.label(name) for name in set(names)}
        unknown = sorted(name for name, label in found.items() if label is None)
        if unknown:
            heading = (
                f"{path} has {len(unknown)} {what} that are none of the {len(self._exact)} class "
                "names; correct them, or name all classes in data.class_names"
            )
            raise ValueError(listed(heading, [repr(name) for name in unknown]))
        return {name: label for name, label in found.items() if label is not None}


def spelling(name: str) -> str:
    """What is compared of a name: its letters and digits, in lower case.

    Folders of Kinetics are named `tying_knot_(not_on_a_tie)`, `tying knot (not on a tie)`, or
    without the parentheses.
    """
    return "".join(c for c in name.lower() if c.isalnum())


def read_class_names(path: str | Path) -> tuple[str, ...]:
    """The class names of a file: one a line, the first is class 0; or JSON, if its name says so.

    JSON: a list of names, or Something-Something's labels, `{"Bending something": "2", …}`.
    Errors: FileNotFoundError; ValueError for an empty file, a blank line or a name given twice,
    and, in JSON, for numbers that are not 0 to k-1.
    """
    text = read_text(path, "class names, one a line")
    if Path(path).suffix.lower() == ".json":
        return _json_names(path, text)
    names = [line.strip() for line in text.split("\n")]
    while names and not names[-1]:
        names.pop()
    return _checked(path, names, [f"{path}:{number + 1}" for number in range(len(names))])


def chosen_classes(given: str) -> tuple[str, ...]:
    """The class names of a file, or those of `A,B,C`. Errors: as `read_class_names`."""
    # Not Path.exists, which raises where names are longer together than a file's may be.
    if given and os.path.exists(given):
        return read_class_names(given)
    if "," not in given:
        raise ValueError(
            f"{given or repr(given)} is no file, and a single class is no choice: expected a file "
            "of class names, one a line, or names with commas between them"
        )
    names = [name.strip() for name in given.split(",")]
    return _checked(given, names, [f"name {number}" for number in range(1, len(names) + 1)])


def _json_names(path: str | Path, text: str) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}): expected class names") from None
    if isinstance(found, Mapping):
        found = _numbered(path, found)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(
            f"{path} names no classes: expected a list of names, or an object from name to number"
        )
    names = [name.strip() for name in found]
    return _checked(path, names, [f"{path}, class {label}" for label in range(len(names))])


def _numbered(path: str | Path, numbers: Mapping[str, Any]) -> list[str]:
    """The names in the order of their numbers, which may be strings."""
    want = {str(label) for label in range(len(numbers))}
    by_number: dict[str, str] = {}
    problems = []
    for name, number in numbers.items():
        if str(number) not in want:
            problems.append(f"{name!r} has number {number!r}, expected 0 to {len(numbers) - 1}")
        elif str(number) in by_number:
            problems.append(f"{name!r} has number {number}, as {by_number[str(number)]!r} has")
        by_number[str(number)] = name
    if problems:
        raise ValueError(listed(f"the class names of {path} cannot be used", problems))
    return [by_number[str(label)] for label in range(len(numbers))]


def _checked(path: str | Path, names: list[str], places: list[str]) -> tuple[str, ...]:
    if not names:
        raise ValueError(f"{path} is empty: expected class names, one a line.")
    first: dict[str, int] = {}
    problems = []
    for label, (name, place) in enumerate(zip(names, places, strict=True)):
        if not name:
            problems.append(f"{place}: blank, but every line is a class")
        elif name in first:
            problems.append(f"{place}: {name!r} is already class {first[name]}")
        first.setdefault(name, label)
    if problems:
        raise ValueError(listed("the class names cannot be used, correct the file", problems))
    return tuple(names)

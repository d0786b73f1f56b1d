"""Class names: files of them, and finding the class that an annotation's spelling means."""

import argparse
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path

from ila_jax.data.class_names.name_files import EXPECTED, parse_names
from ila_jax.files.text_files import csv_rows, listed, read_text


class Classes:
    """The classes by name: another spelling is another class, `C` and `C++`, `+1` and `-1`.

    Only a name that is none of them means the one class that it differs from in case, spaces and
    punctuation alone. Where these are several, it means none.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """names: of the classes, class 0 first."""
        self._count = len(names)
        self._tables = [_table(names, key) for key in _KEYS]

    def label(self, name: str) -> int | None:
        """The class that a name means, or None where it means none or could mean several."""
        # From strict to lenient, so that what is spelled exactly is never taken for another.
        for key, table in zip(_KEYS, self._tables, strict=True):
            spelled = key(name)
            if spelled and spelled in table:
                return table[spelled]
        return None

    def labels(self, path: str | Path, names: Iterable[str], what: str) -> dict[str, int]:
        """The class of each name in a file. what: such names are, in an error.

        Errors: ValueError that lists the names that mean no class.
        """
        labels = {name: self.label(name) for name in set(names)}
        unknown = sorted(name for name, label in labels.items() if label is None)
        if unknown:
            heading = (
                f"{path} has {len(unknown)} {what} that are none of the {self._count} class "
                "names; correct them, or name all classes in data.class_names"
            )
            raise ValueError(listed(heading, [repr(name) for name in unknown]))
        return {name: label for name, label in labels.items() if label is not None}


def composed(name: str) -> str:
    """The name in Unicode's form NFC: `é` is one character on a Mac as elsewhere."""
    return unicodedata.normalize("NFC", name)


def spaced(name: str) -> str:
    """The name composed, with a single space for each underscore or run of spaces."""
    return " ".join(composed(name).replace("_", " ").split())


def spelling(name: str) -> str:
    """The name without case, punctuation and spaces. Signs such as `+` and marks of letters stay.

    Folders of Kinetics are named `tying_knot_(not_on_a_tie)`, `tying knot (not on a tie)`, or
    without the parentheses.
    """
    # Composed again, since casefold may take characters apart. P are signs of punctuation, Z are
    # spaces and C are invisible characters.
    return "".join(
        c for c in composed(composed(name).casefold()) if unicodedata.category(c)[0] not in "PZC"
    )


_KEYS: tuple[Callable[[str], str], ...] = (composed, spaced, spelling)  # from strict to lenient


def _table(names: Sequence[str], key: Callable[[str], str]) -> dict[str, int | None]:
    """Class by key; None for keys of several classes: which is meant?"""
    table: dict[str, int | None] = {}
    for label, name in enumerate(names):
        table[key(name)] = None if key(name) in table else label
    return table


def named(names: Iterable[str], what: str = "class names") -> tuple[str, ...]:
    """Names as they are given, in order.

    Errors: ValueError for one name alone, which would become its letters, for what has no order,
    and for what are no names.
    """
    if not isinstance(names, str | bytes | Mapping | Set):
        names = list(names)
        if all(isinstance(name, str) for name in names):
            return tuple(names)
        names = names[:3]
    raise ValueError(f"{what} are {names!r}: expected a list of names, such as ['first', 'second']")


def read_class_names(path: str | Path) -> tuple[str, ...]:
    """The class names of a file, class 0 first, in any of the forms of `name_files`.

    Errors: FileNotFoundError; ValueError for an empty file, a blank line or a name given twice,
    for numbers that are not 0 to k-1 or 1 to k, and for what can be read in two ways.
    """
    return _checked(path, parse_names(path, read_text(path, EXPECTED)))


def add_classes(parser: argparse.ArgumentParser) -> None:
    """Adds --classes, which `chosen_classes` takes, for `Recognizer.with_classes`."""
    parser.add_argument(
        "--classes",
        metavar="A,B,C",
        help="what to choose from, or a file with a name a line. Any classes for a text head; a "
        "linear head takes them only where the checkpoint does not name its own",
    )


def chosen_classes(given: str) -> tuple[str, ...]:
    """The class names of a file, or those of `A,B,C`, two or more.

    Errors: as `read_class_names`, and ValueError for a single class.
    """
    # Not Path.exists, which raises where names are longer together than a file's may be.
    if given and os.path.exists(given):
        listed_names = read_class_names(given)
        if len(listed_names) == 1:
            raise ValueError(
                f"{given} holds the single class {listed_names[0]!r}, which is no choice: its "
                "probability would be 1 for any video. Expected a name a line, of two classes "
                "or more"
            )
        return listed_names
    if "," not in given:
        raise ValueError(
            f"{given or repr(given)} is no file, and a single class is no choice: expected a file "
            "of class names, one a line, or names with commas between them"
        )
    names = [name for _, row in csv_rows("--classes", given) for name in row]
    return _checked(given, [(f"name {k}: ", name) for k, name in enumerate(names, start=1)])


def _checked(path: str | Path, placed: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The names of (place in the file, name), composed.

    Errors: ValueError where there are none, or some are blank or given twice.
    """
    if not placed:
        raise ValueError(f"{path} is empty: expected {EXPECTED}.")
    first: dict[str, int] = {}
    problems = []
    # Composed before they are compared: a name in two spellings is one class given twice.
    names = [composed(name.strip()) for _, name in placed]
    for label, ((place, _), name) in enumerate(zip(placed, names, strict=True)):
        if not name:
            problems.append(f"{place}blank, but every line is a class")
        elif name in first:
            problems.append(f"{place}{name!r} is already class {first[name]}")
        first.setdefault(name, label)
    if problems:
        raise ValueError(listed("the class names cannot be used, correct the file", problems))
    return tuple(names)

"""Columns of numbers and class names, and the order that the numbers put the names in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ila_jax.files.text_files import listed

# Columns of numbers and of names, as label files call them; `label` and `class` are either.
IDS = frozenset(
    "id ids idx index number no num nr label_id class_id class_index y target action_id".split()  # noqa: SIM905
)
NAMES = frozenset(
    "name names label_name class_name classname class_names display_name category action text "  # noqa: SIM905
    "description title classes labels actions categories action_name activity key verb noun".split()
)
HEADER = IDS | NAMES | {"label", "class", "category_id"}
NumberedName = tuple[str, int, str]  # the place in the file, a number and its name


def word(text: str) -> str:
    """The name of a column as it is compared: lower case, underscores for spaces, no quotes."""
    return text.strip().strip('"').lower().replace(" ", "_")


def is_order(numbers: Sequence[str]) -> bool:
    """Whether they count from 0 or from 1, in any order."""
    values = [number_of(number) for number in numbers]
    count = len(values)
    # Sorted, they are the numbers themselves: one that is missing or given twice shows.
    ascending = sorted(value for value in values if value is not None)
    return ascending in (list(range(count)), list(range(1, count + 1)))


def in_order(path: str | Path, rows: Sequence[NumberedName]) -> list[tuple[str, str]]:
    """(place in the file, name) in the order of the numbers, which count from 0 or from 1.

    Errors: ValueError that lists the numbers which do not.
    """
    if is_order([str(number) for _, number, _ in rows]):
        ordered = sorted(rows, key=lambda row: row[1])
        return [(place or f"{path}, class {number}: ", name) for place, number, name in ordered]
    last = len(rows) - 1
    first: dict[int, str] = {}
    problems = []
    for place, number, name in rows:
        if number > last:
            problems.append(f"{place}{name!r} has number {str(number)!r}, expected 0 to {last}")
        elif number in first:
            problems.append(f"{place}{name!r} has number {number}, as {first[number]!r} has")
        first.setdefault(number, name)
    understood = ", ".join(f"{number} = {name!r}" for _, number, name in rows[:3])
    raise ValueError(
        listed(f"the class names of {path} cannot be used (understood: {understood})", problems)
    )


def unquoted(name: str) -> str:
    """A name without the quotes around it, of which those of CSV may be doubled inside."""
    name = name.strip()
    # A third one is an apostrophe, and then the others may be as well.
    if len(name) > 2 and name[0] == name[-1] == "'" and name.count("'") == 2:
        return name[1:-1].strip()
    if len(name) > 1 and name[0] == name[-1] == '"' and '"' not in name[1:-1].replace('""', ""):
        name = name[1:-1].replace('""', '"').strip()
    return name


def number_of(value: Any) -> int | None:
    """A number from 0 on, which may be a string; None for anything else."""
    # To Python, true is a number.
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    digits = value.strip() if isinstance(value, str) else ""
    # isdecimal alone takes other scripts' digits; and Python refuses to read thousands of them.
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None

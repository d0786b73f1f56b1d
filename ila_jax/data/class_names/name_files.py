"""Files of class names, in the forms that people have them: which name is class 0, 1, ….

A name a line, `id,name` and `name,id` with or without a header, `0 name`, and JSON in either
direction. What could be read in two ways is refused, with the names as they would be understood.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from ila_jax.data.class_names.name_json import json_names
from ila_jax.data.class_names.numbering import (
    HEADER,
    IDS,
    NAMES,
    NumberedName,
    in_order,
    is_order,
    unquoted,
    word,
)
from ila_jax.data.video.suffixes import SUFFIXES
from ila_jax.files.text_files import csv_rows

EXPECTED = "class names, one a line"
_HOW = (
    "Write the names alone, one a line, the first is class 0; or with a header, `id,name`; or as a "
    'JSON list, ["first name", …], in which everything is a name.'
)
# A number and a name with a comma, a semicolon or a tab between them, or a full-width one.
_NUMBER_FIRST = re.compile(r"[\"']?(?P<number>\d{1,9})[\"']?\s*[,;\t，；]\s*(?P<name>.+)")
_NUMBER_LAST = re.compile(r"(?P<name>.+?)\s*[,;\t，；]\s*[\"']?(?P<number>\d{1,9})[\"']?")
# A name may begin so as well, `3 point shot`: what says that it does not is the whole file.
_SPACED_FIRST = re.compile(r"(?P<number>\d{1,9})[.:)]?\s+(?P<name>.+)")
# Numbers only where they count from 0 or 1: "0:name", "001.name", "(0) name"; "0 - name"; and
# Charades' "c000 name", of one code.
_COUNTED_FIRST = (
    re.compile(r"\(?(?P<number>\d{1,9})[.:)：、]\s*(?P<name>[^\s\d].*)"),
    re.compile(r"(?P<number>\d{1,9})\s+[-–—=]>?\s+(?P<name>.+)"),
)
_BEHIND = r"(?:[.:)]?\s+|\s*[,;]\s*)"
_CODE = re.compile(r"[A-Za-z]{1,3}(?=\d)")
_COUNTED_LAST = re.compile(r"(?P<name>.+?)(\s|\s*:)\s*(?P<number>\d{1,9})")
# Lines that may be more than names, and are asked about: items of a list, and numbers of no class.
_ITEMS = re.compile(r"[-*•]\s+\S")
_OTHER_NUMBER = re.compile(r'"?-?\d*\.?\d+"?\s*[,;\t]')
_SEPARATORS = re.compile(r"[,;\t]")

NumberedLine = tuple[int, str]  # its number in the file, and what is in it


def parse_names(path: str | Path, text: str) -> list[tuple[str, str]]:
    """(place in the file, name) of each class, class 0 first.

    path: for errors. Errors: ValueError for what names no classes or can be read in two ways.
    """
    if text.lstrip()[:1] in ("[", "{") or Path(path).suffix.lower() == ".json":
        return json_names(path, text)
    lines = _without_comments(path, text)
    _check_kind(path, lines)
    # From the form that says most of itself to the one that says least.
    rows = _columns(path, lines) or _counted(path, lines) or _numbered(path, lines)
    if rows is not None:
        return in_order(path, rows)
    _check_plain(path, lines)
    if all(line[-1:] in (",", ";") for _, line in lines):  # a table of one column
        lines = [(number, line[:-1]) for number, line in lines]
    return [(f"{path}:{number}: ", unquoted(line)) for number, line in lines]


def _without_comments(path: str | Path, text: str) -> list[NumberedLine]:
    """The lines that are no comments, without the blank ones at the end.

    Errors: ValueError for `#name`, which could be either.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    kept = []
    for number, line in lines:
        comment = line.lstrip("#")
        if line == comment:
            kept.append((number, line))
        elif comment and not comment[0].isspace() and not _is_header(comment):
            raise ValueError(
                f"{path}:{number}: {line!r} is a comment or a name? A comment has a space after "
                f"its #. {_HOW}"
            )
    # Blank lines between names stay, and are told later: a class may have lost its name.
    while kept and not kept[-1][1]:
        kept.pop()
    return kept


def _check_kind(path: str | Path, lines: Sequence[NumberedLine]) -> None:
    """Errors: ValueError for an annotation list, which names videos."""
    filled = [line for _, line in lines if line]
    endings = [re.search(r"\.(\w+)[\"']?([\s,;]+\d+)?$", line) for line in filled]
    videos = bool(filled) and all(e is not None and e[1].lower() in SUFFIXES for e in endings)
    if videos or (filled and "youtube_id" in filled[0]):
        raise ValueError(f"{path} lists videos, such as {filled[-1]!r}: expected {EXPECTED}")


def _is_header(line: str) -> bool:
    """Whether a line only says what is in the columns below it."""
    words = _SEPARATORS.split(line) if _SEPARATORS.search(line) else line.split()
    words = words[1:] if len(words) > 1 and not words[0].strip() else words  # of pandas' index
    return bool(words) and all(word(text) in HEADER for text in words)


def _columns(path: str | Path, lines: Sequence[NumberedLine]) -> list[NumberedName] | None:
    """Rows below a header of three columns or more; None where there is none such."""
    if len(lines) < 2:
        return None
    number, header = lines[0]
    delimiter = next((c for c in "\t;," if header.count(c) > 1), None)
    words = [word(cell) for cell in header.split(delimiter)] if delimiter else []
    # A single such word could be the name of a class.
    if sum(title in HEADER for title in words) < 2:
        return None
    text = "\n".join(line for _, line in lines[1:])
    # Rows are numbered within this text, lines in the file.
    table = [(number + at, fields) for at, fields in csv_rows(path, text, delimiter or ",")]
    if any(len(fields) != len(words) for _, fields in table):
        at = next(at for at, fields in table if len(fields) != len(words))
        raise ValueError(f"{path}:{at}: expected {len(words)} columns, as in the header. {_HOW}")
    values = [[fields[column].strip() for _, fields in table] for column in range(len(words))]
    ids = [c for c, column in enumerate(values) if is_order(column) and words[c] not in NAMES]
    # A column that is called id before one that merely counts, such as a row number.
    ids = [c for c in ids if words[c] in IDS] or ids
    names = [c for c, title in enumerate(words) if title in HEADER - IDS and c not in ids]
    names = [c for c in names if words[c] in NAMES] or names
    if not ids or len({tuple(values[c]) for c in ids}) > 1 or len(names) != 1:
        raise ValueError(
            f"{path} has the columns {', '.join(words)}: expected one of numbers from 0 and one of "
            f"names. {_HOW}"
        )
    return [
        (f"{path}:{at}: ", int(number), name)
        for (at, _), number, name in zip(table, values[ids[0]], values[names[0]], strict=True)
    ]


def _numbered(path: str | Path, lines: Sequence[NumberedLine]) -> list[NumberedName] | None:
    """Rows of a number and a name; None where lines are names and nothing else."""
    for pattern in (_NUMBER_FIRST, _NUMBER_LAST, _SPACED_FIRST):
        rows = _matching(path, pattern, lines)
        if rows is None and lines and _is_header(lines[0][1]):
            rows = _matching(path, pattern, lines[1:])
        if rows is None:
            continue
        numbers = [number for _, number, _ in rows]
        if pattern is _SPACED_FIRST and min(numbers) > 1:
            return None  # "3 point shot": no numbering begins so
        _check_columns(path, lines, rows)
        if pattern is _SPACED_FIRST and len({name for *_, name in rows}) < len(rows):
            _refuse(path, rows, "numbers of classes, or of fingers?")
        return rows
    return None


def _counted(path: str | Path, lines: Sequence[NumberedLine]) -> list[NumberedName] | None:
    """Rows of names behind numbers that count, in forms that are names where they do not."""
    # Charades numbers its classes c000, c001, …: the code of the first line, if all have it.
    code = _CODE.match(lines[0][1]) if lines else None
    behind = [re.compile(rf"{code[0]}(?P<number>\d{{1,9}}){_BEHIND}(?P<name>.+)")] if code else []
    for pattern in (*_COUNTED_FIRST, *behind):
        rows = _matching(path, pattern, lines) or []
        if len({name for *_, name in rows}) == len(rows) > 1 and is_order(
            [str(number) for _, number, _ in rows]
        ):
            return rows
    return None


def _matching(
    path: str | Path, pattern: re.Pattern[str], lines: Sequence[NumberedLine]
) -> list[NumberedName] | None:
    """The number and name of each line that is not blank; None unless all match the pattern."""
    matches = [(number, pattern.fullmatch(line)) for number, line in lines if line]
    rows = [
        (f"{path}:{number}: ", int(match["number"]), unquoted(match["name"]))
        for number, match in matches
        if match is not None
    ]
    return rows if rows and len(rows) == len(matches) else None


def _check_columns(
    path: str | Path, lines: Sequence[NumberedLine], rows: Sequence[NumberedName]
) -> None:
    """Errors: ValueError where a third column might as well be a part of the names."""
    if _is_header(lines[0][1]):
        return
    more = [_SEPARATORS.search(name) is not None for *_, name in rows]
    quoted = [line.count('"') > 1 for _, line in lines if line]
    if all(more) and len(rows) > 1 and not all(quoted):
        _refuse(path, rows, "is what is behind another comma a part of the name?")
    both = [name.isdecimal() and int(name) != number for _, number, name in rows]
    if all(name.isdecimal() for *_, name in rows) and any(both):
        _refuse(path, rows, "which of the two is the number?")


def _refuse(path: str | Path, rows: Sequence[NumberedName], why: str) -> None:
    """Errors: ValueError, always, with the rows as they would be understood."""
    first = ", ".join(f"{number} = {name!r}" for _, number, name in rows[:3])
    raise ValueError(f"{path} can be read in two ways: {first}, …; {why} {_HOW}")


def _check_plain(path: str | Path, lines: Sequence[NumberedLine]) -> None:
    """Errors: ValueError where lines may be more than names."""
    filled = [(number, line) for number, line in lines if line]
    if not filled:
        return
    number, first = filled[0]
    if _is_header(first):
        raise ValueError(
            f"{path}:{number}: {first!r} is a header or a name? The names below it begin with "
            f"{', '.join(repr(unquoted(line)) for _, line in filled[1:4]) or 'nothing'}. {_HOW}"
        )
    if len(filled) == 1 and _SEPARATORS.search(first.rstrip(",;")) and first[0] != '"':
        raise ValueError(f"{path}:{number}: {first!r} is one name or several in a line? {_HOW}")
    for at, line in filled:
        if line[0] == '"' and line.count('"') % 2:
            raise ValueError(f"{path}:{at}: {line!r} opens a quote and closes none. {_HOW}")
    if len(filled) > 1 and all(_ITEMS.match(line) for _, line in filled):
        raise ValueError(
            f"{path}:{number}: {first!r} is an item of a list or a name? All lines begin so. {_HOW}"
        )
    if all(_OTHER_NUMBER.match(line) for _, line in filled):
        at, line = next(
            (item for item in filled if not _NUMBER_FIRST.fullmatch(item[1])), filled[0]
        )
        raise ValueError(
            f"{path}:{at}: {line[:60]!r} begins with a number that is no class: expected numbers "
            f"from 0. {_HOW}"
        )
    for pattern in (_NUMBER_FIRST, _NUMBER_LAST, _SPACED_FIRST):
        _check_most(path, pattern, filled)
    rows = _matching(path, _COUNTED_LAST, filled)
    names = {name for *_, name in rows or []}
    if rows and len(rows) == len(names) > 1 and is_order([str(number) for _, number, _ in rows]):
        _refuse(path, rows, "are the numbers at the end a part of the names?")


def _check_most(path: str | Path, pattern: re.Pattern[str], filled: Sequence[NumberedLine]) -> None:
    """Errors: ValueError where most lines have a number, and not all."""
    matches = [(pattern.fullmatch(line), at, line) for at, line in filled]
    numbers = [match["number"] for match, _, _ in matches if match]
    if len(numbers) == len(filled) or 2 * len(numbers) <= len(filled):
        return
    # "3 point shot" among other names is a name.
    if pattern is _SPACED_FIRST and (len(numbers) < 2 or not is_order(numbers)):
        return
    at, line = next((at, line) for match, at, line in matches if not match)
    numbered = next(line for match, _, line in matches if match)
    raise ValueError(
        f"{path}:{at}: {line!r} has no number, as most lines have, such as {numbered!r}. {_HOW}"
    )

"""Files of class names, in the forms that people have them: which name is class 0, 1, ….

A name a line, `id,name` and `name,id` with or without a header, `0 name`, and JSON in either
direction. What could be read in two ways is refused, with the names as they would be understood.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ila_jax.data.listing import SUFFIXES
from ila_jax.data.text_files import csv_rows, listed, parse_json

EXPECTED = "class names, one a line"
_HOW = (
    "Write the names alone, one a line, the first is class 0; or with a header, `id,name`; or as a "
    'JSON list, ["first name", …], in which everything is a name.'
)
# Columns of numbers and of names, as label files call them; `label` and `class` are either.
_IDS = frozenset("id ids idx index number no num nr label_id class_id class_index y target".split())  # noqa: SIM905
_NAMES = frozenset(
    "name names label_name class_name classname class_names display_name category action text "  # noqa: SIM905
    "description title classes labels actions categories".split()
)
_HEADER = _IDS | _NAMES | {"label", "class", "category_id"}
_NUMBER_FIRST = re.compile(r'"?(?P<number>\d+)"?\s*[,;\t]\s*(?P<name>.+)')
_NUMBER_LAST = re.compile(r'(?P<name>.+?)\s*[,;\t]\s*"?(?P<number>\d+)"?')
_SPACED_FIRST = re.compile(r"(?P<number>\d+)[.:)]?\s+(?P<name>.+)")
_SPACED_LAST = re.compile(r"(?P<name>.+?)\s+(?P<number>\d+)")
_SEPARATORS = re.compile(r"[,;\t]")

Line = tuple[int, str]  # its number in the file, and what is in it
Named = tuple[str, int, str]  # the place in the file, a number and its name


def parse_names(path: str | Path, text: str) -> list[tuple[str, str]]:
    """(place in the file, name) of each class, class 0 first. Errors: ValueError."""
    if text.lstrip()[:1] in ("[", "{") or Path(path).suffix.lower() == ".json":
        return _json_names(path, text)
    lines = _without_comments(path, text)
    _check_kind(path, lines)
    rows = _columns(path, lines) or _numbered(path, lines)
    if rows is not None:
        return _in_order(path, rows)
    _check_plain(path, lines)
    return [(f"{path}:{number}: ", _unquoted(line)) for number, line in lines]


def _without_comments(path: str | Path, text: str) -> list[Line]:
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
    while kept and not kept[-1][1]:
        kept.pop()
    return kept


def _check_kind(path: str | Path, lines: Sequence[Line]) -> None:
    """Errors: ValueError for an annotation list, which names videos."""
    some = [line for _, line in lines if line]
    endings = [re.search(r"\.(\w+)[\"']?([\s,;]+\d+)?$", line) for line in some]
    videos = bool(some) and all(e is not None and e[1].lower() in SUFFIXES for e in endings)
    if videos or (some and "youtube_id" in some[0]):
        raise ValueError(f"{path} lists videos, such as {some[-1]!r}: expected {EXPECTED}")


def _is_header(line: str) -> bool:
    """Whether a line only says what is in the columns below it."""
    words = _SEPARATORS.split(line) if _SEPARATORS.search(line) else line.split()
    return bool(words) and all(_word(word) in _HEADER for word in words)


def _word(text: str) -> str:
    return text.strip().strip('"').lower().replace(" ", "_")


def _columns(path: str | Path, lines: Sequence[Line]) -> list[Named] | None:
    """Rows below a header of three columns or more; None where there is none such."""
    if len(lines) < 2:
        return None
    number, header = lines[0]
    delimiter = next((c for c in "\t;," if header.count(c) > 1), None)
    words = [_word(word) for word in header.split(delimiter)] if delimiter else []
    if sum(word in _HEADER for word in words) < 2:
        return None
    text = "\n".join(line for _, line in lines[1:])
    table = [(number + at, fields) for at, fields in csv_rows(path, text, delimiter or ",")]
    if any(len(fields) != len(words) for _, fields in table):
        at = next(at for at, fields in table if len(fields) != len(words))
        raise ValueError(f"{path}:{at}: expected {len(words)} columns, as in the header. {_HOW}")
    values = [[fields[column].strip() for _, fields in table] for column in range(len(words))]
    ids = [c for c, column in enumerate(values) if _is_order(column) and words[c] not in _NAMES]
    ids = [c for c in ids if words[c] in _IDS] or ids
    names = [c for c, word in enumerate(words) if word in _HEADER - _IDS and c not in ids]
    names = [c for c in names if words[c] in _NAMES] or names
    if not ids or len({tuple(values[c]) for c in ids}) > 1 or len(names) != 1:
        raise ValueError(
            f"{path} has the columns {', '.join(words)}: expected one of numbers from 0 and one of "
            f"names. {_HOW}"
        )
    return [
        (f"{path}:{at}: ", int(number), name)
        for (at, _), number, name in zip(table, values[ids[0]], values[names[0]], strict=True)
    ]


def _numbered(path: str | Path, lines: Sequence[Line]) -> list[Named] | None:
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


def _matching(
    path: str | Path, pattern: re.Pattern[str], lines: Sequence[Line]
) -> list[Named] | None:
    found = [(number, pattern.fullmatch(line)) for number, line in lines if line]
    rows = [
        (f"{path}:{number}: ", int(match["number"]), _unquoted(match["name"]))
        for number, match in found
        if match is not None
    ]
    return rows if rows and len(rows) == len(found) else None


def _check_columns(path: str | Path, lines: Sequence[Line], rows: Sequence[Named]) -> None:
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


def _refuse(path: str | Path, rows: Sequence[Named], why: str) -> None:
    first = ", ".join(f"{number} = {name!r}" for _, number, name in rows[:3])
    raise ValueError(f"{path} can be read in two ways: {first}, …; {why} {_HOW}")


def _check_plain(path: str | Path, lines: Sequence[Line]) -> None:
    """Errors: ValueError where lines may be more than names."""
    some = [(number, line) for number, line in lines if line]
    if not some:
        return
    number, first = some[0]
    if _is_header(first):
        raise ValueError(
            f"{path}:{number}: {first!r} is a header or a name? The names below it begin with "
            f"{', '.join(repr(_unquoted(line)) for _, line in some[1:4]) or 'nothing'}. {_HOW}"
        )
    for pattern in (_NUMBER_FIRST, _NUMBER_LAST, _SPACED_FIRST):
        without = [(at, line) for at, line in some if not pattern.fullmatch(line)]
        with_one = _matching(path, pattern, [item for item in some if item not in without]) or []
        numbers = [str(number) for _, number, _ in with_one]
        # "3 point shot" among other names is a name.
        counts = pattern is not _SPACED_FIRST or (len(numbers) > 1 and _is_order(numbers))
        if without and len(without) < len(numbers) and counts:
            at, line = without[0]
            raise ValueError(
                f"{path}:{at}: {line!r} has no number, as most lines have, such as "
                f"{next(line for line in some if line not in without)[1]!r}. {_HOW}"
            )
    rows = _matching(path, _SPACED_LAST, some)
    names = {name for *_, name in rows or []}
    if rows and len(rows) == len(names) > 1 and _is_order([str(number) for _, number, _ in rows]):
        _refuse(path, rows, "are the numbers at the end a part of the names?")


def _is_order(numbers: Sequence[str]) -> bool:
    """Whether they count from 0 or from 1, in any order."""
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        return False
    found = sorted(int(number) for number in numbers)
    return found in (list(range(len(found))), list(range(1, len(found) + 1)))


def _in_order(path: str | Path, rows: Sequence[Named]) -> list[tuple[str, str]]:
    """Names in the order of their numbers, from 0 or from 1 on. Errors: ValueError."""
    if _is_order([str(number) for _, number, _ in rows]):
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


def _unquoted(name: str) -> str:
    """Without the quotes around it."""
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"' and '"' not in name[1:-1].replace('""', ""):
        name = name[1:-1].replace('""', '"').strip()
    return name


def _json_names(path: str | Path, text: str) -> list[tuple[str, str]]:
    found = parse_json(path, text, "class names", tuple)  # an object is a tuple of its pairs
    if isinstance(found, tuple):
        pairs = dict(found).get("id2label", found)  # of Hugging Face's config.json
        return _in_order(path, _pairs(path, pairs if isinstance(pairs, tuple) else found))
    if isinstance(found, list) and found and all(isinstance(item, tuple) for item in found):
        rows = [_object(item) for item in found]
        if all(row is not None for row in rows):
            return _in_order(path, [("", *row) for row in rows if row is not None])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(
            f"{path} names no classes: expected a list of names, or an object from name to number"
        )
    return [(f"{path}, class {label}: ", name.strip()) for label, name in enumerate(found)]


def _pairs(path: str | Path, pairs: Sequence[tuple[str, Any]]) -> list[Named]:
    """{name: number} or {number: name}; numbers may be strings. Errors: ValueError."""
    forwards = all(_number(value) is not None for _, value in pairs)
    backwards = all(_number(k) is not None and isinstance(v, str) for k, v in pairs)
    same = all(_number(key) == _number(value) for key, value in pairs)
    if not pairs or not (forwards or backwards) or (forwards and backwards and not same):
        some = ", ".join(f"{key!r}: {value!r}" for key, value in pairs[:3])
        raise ValueError(
            f"{path} names no classes: expected an object from name to number, or from number to "
            f"name, found {{{some}}}"
        )
    numbered = [(k, v) if forwards else (v, k) for k, v in pairs]
    return [("", _number(k) or 0, _unquoted(name)) for name, k in numbered]


def _object(pairs: Sequence[tuple[str, Any]]) -> tuple[int, str] | None:
    """(number, name) of such as {"id": 0, "name": "archery"}."""
    numbers = [_number(v) for k, v in pairs if _word(k) in _IDS and _number(v) is not None]
    names = [v for k, v in pairs if _word(k) in _HEADER - _IDS and isinstance(v, str)]
    if len(numbers) != 1 or len(names) != 1 or numbers[0] is None:
        return None
    return numbers[0], names[0].strip()


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    digits = isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal()
    return int(value) if digits else None

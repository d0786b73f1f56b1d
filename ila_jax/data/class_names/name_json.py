"""Class names in JSON: a list, an object in either direction, or a list of objects."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ila_jax.data.class_names.numbering import (
    HEADER,
    IDS,
    NumberedName,
    in_order,
    number_of,
    unquoted,
    word,
)
from ila_jax.files.text_files import parse_json


def json_names(path: str | Path, text: str) -> list[tuple[str, str]]:
    """(place in the file, name) of each class, class 0 first. Errors: ValueError."""
    # An object as a tuple of its pairs, which tells it from a list: a dict would keep only one of
    # two classes with the same name.
    content = parse_json(path, text, "class names", tuple)
    if isinstance(content, tuple):
        # Hugging Face's config.json has the names under one of these keys, and much beside them.
        values = dict(content)
        pairs = values.get("id2label") or values.get("label2id")
        return in_order(path, _pairs(path, pairs if isinstance(pairs, tuple) else content))
    if isinstance(content, list) and content and all(isinstance(item, tuple) for item in content):
        rows = [_object(item) for item in content]
        if all(row is not None for row in rows):
            return in_order(path, [("", *row) for row in rows if row is not None])
    if _in_parts(content):
        content = [" ".join(parts) for parts in content]
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise ValueError(
            f"{path} names no classes: expected a list of names, or an object from name to number"
        )
    return [(f"{path}, class {label}: ", name.strip()) for label, name in enumerate(content)]


def _in_parts(content: Any) -> bool:
    """Whether names are lists of their parts, as Diving48's: [["Back", "15som", "PIKE"], …]."""
    if not isinstance(content, list):
        return False
    if not all(isinstance(parts, list) and parts for parts in content):
        return False
    # A part that is a number might as well be the class's.
    return all(isinstance(part, str) and number_of(part) is None for p in content for part in p)


def _pairs(path: str | Path, pairs: Sequence[tuple[str, Any]]) -> list[NumberedName]:
    """{name: number} or {number: name}; numbers may be strings. Errors: ValueError."""
    forwards = all(number_of(value) is not None for _, value in pairs)
    # Where names are numbers as well, both directions fit: then they have to say the same.
    backwards = all(number_of(k) is not None and isinstance(v, str) for k, v in pairs)
    same = all(number_of(key) == number_of(value) for key, value in pairs)
    if not pairs or not (forwards or backwards) or (forwards and backwards and not same):
        some = ", ".join(f"{key!r}: {value!r}" for key, value in pairs[:3])
        raise ValueError(
            f"{path} names no classes: expected an object from name to number, or from number to "
            f"name, found {{{some}}}"
        )
    numbered = [(k, v) if forwards else (v, k) for k, v in pairs]
    return [("", number_of(k) or 0, unquoted(name)) for name, k in numbered]


def _object(pairs: Sequence[tuple[str, Any]]) -> tuple[int, str] | None:
    """(number, name) of an object such as {"id": 0, "name": "archery"}; None of any other.

    pairs: (key, value) of the object.
    """
    numbers = [number_of(v) for k, v in pairs if word(k) in IDS and number_of(v) is not None]
    names = [v for k, v in pairs if word(k) in HEADER - IDS and isinstance(v, str)]
    if len(numbers) != 1 or len(names) != 1 or numbers[0] is None:
        return None
    return numbers[0], names[0].strip()

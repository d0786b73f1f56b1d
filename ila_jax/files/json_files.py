"""Reads and writes JSON that one command hands to another."""

import json
from collections.abc import Set
from pathlib import Path
from typing import Any

from ila_jax.files.printable import all_printable


def read_object(path: str | Path, keys: Set[str], what: str) -> dict[str, Any]:
    """Reads a JSON object that a command wrote.

    keys: the object has these at least. what: names in an error what the file is expected to be.
    Errors: OSError; ValueError where the file is damaged, or another one.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): expected {what}") from None
    if not isinstance(values, dict) or not keys <= values.keys():
        need = ", ".join(sorted(keys))
        raise ValueError(f"{path} is not {what}: expected a JSON object with {need}")
    return values


def json_text(values: Any, *, indent: int | None = None) -> str:
    """JSON of one line, or of several with an indent, that every reader takes.

    Names are `printable`: where one has to find its file again, use json.dumps, which keeps it.
    """
    return json.dumps(all_printable(values), indent=indent, ensure_ascii=False) + "\n"

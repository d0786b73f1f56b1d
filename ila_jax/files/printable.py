"""Names of files as text that any reader takes: their bytes need not be UTF-8."""

import codecs
from typing import Any

HANDLER = "ila_jax.printable"  # of what a stream cannot encode, once `register` has been called


def printable(text: str) -> str:
    r"""A file's name as Unicode text: its bytes that are no UTF-8 become escapes, as in `caf\xe9`.

    For what is written. What is to find the file again keeps the name that it was found by.
    """
    if text.isascii():
        return text
    try:
        raw = text.encode("utf-8", errors="surrogateescape")
    except UnicodeEncodeError:  # half of a character, which JSON can hold and no file's name
        raw = text.encode("utf-8", errors="backslashreplace")
    return raw.decode("utf-8", errors="backslashreplace")


def all_printable(values: Any) -> Any:
    """The same of every text in dicts, lists and tuples, their keys included."""
    if isinstance(values, str):
        return printable(values)
    if isinstance(values, dict):
        return {all_printable(key): all_printable(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [all_printable(value) for value in values]
    return values


def register() -> None:
    """Makes HANDLER known to Python's codecs."""
    codecs.register_error(HANDLER, _escaped)


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Of what an encoding does not have: `printable`, and escapes for what is not ASCII in that."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = printable(error.object[error.start : error.end])
    return text.encode("ascii", errors="backslashreplace").decode("ascii"), error.end

"""Makes names of files text that any reader takes: their bytes need not be UTF-8."""

import codecs
from typing import Any

# The name of the handler of what a stream cannot encode, once `register` has been called.
HANDLER = "ila_jax.printable"


def printable(text: str) -> str:
    r"""A file's name as Unicode text: its bytes that are no UTF-8 become escapes, as in `caf\xe9`.

    It is for text that is written. A path that shall open the file again keeps its bytes.
    """
    if text.isascii():
        return text
    try:
        raw = text.encode("utf-8", errors="surrogateescape")
    # Half of a character (a lone surrogate), which JSON can hold and no file's name has.
    except UnicodeEncodeError:
        raw = text.encode("utf-8", errors="backslashreplace")
    return raw.decode("utf-8", errors="backslashreplace")


def all_printable(values: Any) -> Any:
    """Makes every text `printable` in dicts, lists and tuples, and in keys. Tuples become lists."""
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
    """The handler: makes characters that an encoding does not have `printable`, and then ASCII."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = printable(error.object[error.start : error.end])
    return text.encode("ascii", errors="backslashreplace").decode("ascii"), error.end

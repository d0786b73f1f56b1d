"""Reads text files that people write, and reports all that is wrong with one at once."""

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

_Row = TypeVar("_Row")

# Problems that an error lists: more would push its heading off the screen.
_SHOWN = 10
# Of a list or of class names: 10 million lines of 100 bytes. A device would never end.
MAX_BYTES = 1 << 30
# What Windows' programs write in front of text. UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How files begin that people give by mistake in place of a text.
_BINARY = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook (which saves as CSV)",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document (which saves as CSV or text)",
    b"\x1f\x8b": "packed with gzip (gunzip unpacks it)",
    b"BZh": "packed with bzip2 (bunzip2 unpacks it)",
    b"\xfd7zXZ": "packed with xz (unxz unpacks it)",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
}


# Texts that are stored in place of the file that was meant.
_TEXTS = {
    "version https://git-lfs": "what Git LFS keeps in its place (git lfs pull fetches the file)",
    "<!doctype html": "a page of a web site: the download went wrong",
    "<html": "a page of a web site: the download went wrong",
}


def read_text(path: str | Path, what: str, *, raw: bool = False) -> str:
    r"""Reads a text file: UTF-8, or UTF-16 or 32 that begins with its mark. Lines end with \n.

    what: says in an error what was expected there. raw: bytes that are no UTF-8 stay, as
    `os.fsdecode` gives them, for paths, which may have any.
    Errors: FileNotFoundError; OSError; ValueError for a folder, and for what is no text.
    """
    data = _read(path, what)
    mark, encoding = next((m for m in _MARKS if data.startswith(m[0])), (b"", "utf-8"))
    try:
        errors = "surrogateescape" if raw and encoding == "utf-8" else "strict"
        text = data[len(mark) :].decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise ValueError(
            _not_decoded(path, what, data, len(mark) + error.start, encoding)
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{path}:{line} holds a zero byte: expected {what}, found {_kind(data)}")
    stand_in = next(
        (kind for start, kind in _TEXTS.items() if text[:99].lower().startswith(start)), ""
    )
    if stand_in:
        raise ValueError(f"{path}: expected {what}, found {stand_in}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_unicode(path: str | Path, text: str, what: str) -> None:
    """Checks that no bytes of a text are left that are no UTF-8. Errors: ValueError."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        data = text.encode(errors="surrogateescape")
        at = len(text[: error.start].encode())
        raise ValueError(_not_decoded(path, what, data, at, "utf-8")) from None


def _read(path: str | Path, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            # One more byte than allowed tells a file that is too large from one that just fits.
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} does not exist: expected {what}. Check the path."
        ) from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder: expected {what}. Name the file.") from None
    # Python refuses a path with a zero byte in it.
    except ValueError:
        raise ValueError(f"{str(path)!r} is no path: expected {what}.") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path} has over {MAX_BYTES >> 20} MiB: expected {what}.")
    return data


def _not_decoded(path: str | Path, what: str, data: bytes, at: int, encoding: str) -> str:
    line = data.count(b"\n", 0, at) + 1
    return (
        f"{path}:{line} is not {encoding.upper()} text (byte {at} of the file, {data[at]:#x}): "
        f"expected {what}, found {_kind(data)}"
    )


def _kind(data: bytes) -> str:
    """What bytes that are no text seem to be, and what to do about it."""
    for beginning, kind in _BINARY.items():
        if data.startswith(beginning):
            return kind
    # Every other byte of Latin text in UTF-16 is zero: the odd ones, in big endian the even ones.
    if data[1:200:2].count(0) > 40 or data[0:200:2].count(0) > 40:
        return "what looks like UTF-16 without its mark. Convert it: iconv -f UTF-16LE -t UTF-8"
    if b"\0" in data:
        return "a binary file. Name the right one"
    return "another encoding. Convert it, as by iconv -f LATIN1 -t UTF-8"


def parse_json(
    path: str | Path, text: str, what: str, hook: Callable[[list[tuple[str, Any]]], Any] = dict
) -> Any:
    """Reads JSON text.

    what: names in an error what was expected. hook: makes something of the (name, value) pairs of
    each object, so that a repeated name can be reported. Errors: ValueError.
    """
    try:
        return json.loads(text, object_pairs_hook=hook)
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply: expected {what}") from None
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}): expected {what}") from None


def csv_rows(path: str | Path, text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yields (line that a row begins in, its fields) of each row that is not empty.

    Errors: ValueError for quotes that are not closed or stand in the middle of a field, with the
    line. A field that reaches over lines is left to who knows whether it may.
    """
    # StringIO, as splitlines also cuts at rarer characters of names.
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    first = 1
    try:
        for fields in rows:
            if any(field.strip() for field in fields):
                yield first, fields
            first = rows.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}:{first}: a quote is not closed, or stands in the middle of a field ({error}): "
            'expected "…" around a whole field, and "" for a quote in it'
        ) from None


def delimiter_of(text: str) -> str:
    """What separates the columns that the first line names: a comma, a semicolon or a tab."""
    header = text.lstrip("\n ").partition("\n")[0]
    return max(",;\t", key=header.count)


def all_usable(path: str | Path, kind: str, rows: Iterable[tuple[int, _Row | str]]) -> list[_Row]:
    """The rows of a file that people wrote, if all of them can be used.

    kind: what the file calls its rows. rows: the number of each row's line, from 1, and the row, or
    what is wrong with it in words. Errors: ValueError that lists the bad rows together.
    """
    usable, problems = [], []
    for number, row in rows:
        if isinstance(row, str):
            problems.append(f"{path}:{number}: {row}")
        else:
            usable.append(row)
    if problems:
        heading = f"{len(problems)} {kind} of {path} cannot be used, correct or remove them"
        raise ValueError(listed(heading, problems))
    return usable


def listed(heading: str, problems: Sequence[str]) -> str:
    """A heading with the first problems under it, and how many more there are."""
    more = len(problems) - _SHOWN
    lines = [*problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
    return f"{heading}:\n  " + "\n  ".join(lines)

"""Annotation lists, a path and a label a line, with whatever separates them."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.files.text_files import all_usable, csv_rows, delimiter_of, read_text

EXPECTED = "an annotation list, `path label` a line"
# How data sets that write a header call their columns of paths and of labels.
_PATH_COLUMNS = """
path paths file files filename file_name filepath file_path video videos video_name videopath
video_path clip clip_name clip_path name
"""
_LABEL_COLUMNS = """
label labels label_id label_idx class class_id class_idx class_index classid target y id index
category category_id action_id
"""
_PATHS, _LABELS = frozenset(_PATH_COLUMNS.split()), frozenset(_LABEL_COLUMNS.split())
_SAMPLE = 1000  # lines that tell what stands before the labels
# What may stand behind a path and before the last number: how many frames the video has, further
# labels, a name. A path may hold spaces and numbers, so only what follows its suffix is meant.
_MORE_NUMBERS = re.compile(r"\.\w{2,5}[\"']?(?P<more>([\s,;]+-?\d+)+)$")
_MORE_COLUMNS = re.compile(
    r"\.(mp4|mkv|webm|avi|mov|mpe?g)[\"']?(?P<more>([,;\t][^,;\t./]*)+)$", re.IGNORECASE
)
_FRAMES = re.compile(r"\S+[/\\]\S+[\s,;]\d+")  # a folder of frames and how many


# With slots: a list has 240,000 of them.
@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A video file and its class, counted from 0."""

    path: str
    label: int


def read_list(path: str | Path, root: str | Path, classes: int) -> list[LabelledFile]:
    """The files that an annotation list names, as `parse_list` reads its text.

    Errors: FileNotFoundError; ValueError.
    """
    return parse_list(path, read_text(path, EXPECTED, raw=True), root, classes)


def parse_list(path: str | Path, text: str, root: str | Path, classes: int) -> list[LabelledFile]:
    """The files that a list with this text names, with their labels.

    The label is the last field of a line, so that paths may contain spaces.

    Between path and label stands a space or a tab, or on most lines a comma or a semicolon. A
    header that names a column of paths and one of labels may come first, and then the label may
    stand anywhere. Blank lines are skipped. root: folder that relative paths start from. classes:
    how many there are; labels are 0 to one less.
    Errors: ValueError that lists the bad lines together.
    """
    # Not splitlines, which also cuts at rarer characters of names.
    lines = [(k, line.strip()) for k, line in enumerate(text.split("\n"), 1) if line.strip()]
    rows = _columns(path, text, lines)
    if rows is None:
        rows = _split(lines, _separator(lines))
    examples = all_usable(
        path, "lines", ((k, _example(name, label, root, classes)) for k, name, label in rows)
    )
    if not examples:
        raise ValueError(
            f"{path} lists no videos: expected lines like `folder/clip.mp4 3`, found none. "
            "Write the list, or point the configuration at another one."
        )
    _check_videos(path, rows, root)
    return examples


def _check_videos(path: str | Path, rows: Sequence[tuple[int, str, str]], root: str | Path) -> None:
    """Errors: ValueError for a list of folders of frames, `folder frames label`."""
    number, name, label = rows[0]
    folders = all(_FRAMES.fullmatch(name) for _, name, _ in rows)
    # A video may be called so as well, `my clips/take 2`: then it is there.
    if folders and not os.path.exists(os.path.join(root, name)):
        raise ValueError(
            f"{path}:{number}: {name!r} {label} looks like a folder of frames, their count and a "
            "label: expected a video file and a label; extracted frames are not read"
        )


def _columns(
    path: str | Path, text: str, lines: Sequence[tuple[int, str]]
) -> list[tuple[int, str, str]] | None:
    """(line, path, label) of each row below a header; None without a header."""
    if not lines:
        return None
    delimiter = delimiter_of(text)
    # It is one of three that a first line without any of them has as well.
    delimiter = delimiter if delimiter in lines[0][1] else " "
    header = [name.strip().strip('"').lower() for name in lines[0][1].split(delimiter)]
    names = [k for k, name in enumerate(header) if name in _PATHS]
    labels = [k for k, name in enumerate(header) if name in _LABELS]
    if not names or not labels:
        return None
    # As without a header: then paths that hold the delimiter need no quotes.
    if len(header) == 2 and labels[0] > names[0]:
        return _split(lines[1:], delimiter if delimiter != " " else None)
    rows = [row for row in csv_rows(path, text, delimiter) if row[0] > lines[0][0]]
    return [(number, *_cells(fields, names[0], labels[0])) for number, fields in rows]


def _cells(fields: Sequence[str], *columns: int) -> tuple[str, str]:
    """Path and label of a row, which may end before one of them."""
    name, label = (fields[k].strip() if k < len(fields) else "" for k in columns)
    return name, label


def _separator(lines: Sequence[tuple[int, str]]) -> str | None:
    """What stands before the label on most of the first lines; None is a space or a tab."""
    first_lines = lines[:_SAMPLE]
    # Most and not all: the others are bad lines, which are told one by one.
    for separator in ",;":
        if 2 * sum(_ends(line, separator) for _, line in first_lines) > len(first_lines):
            return separator
    return None


def _split(lines: Sequence[tuple[int, str]], separator: str | None) -> list[tuple[int, str, str]]:
    """(line, path, label) of each line; the label is "" where there is nothing to split."""
    split = [(number, line.rsplit(separator, 1)) for number, line in lines]
    return [
        (number, _path(fields[0]), fields[1].strip() if len(fields) > 1 else "")
        for number, fields in split
    ]


def _ends(line: str, separator: str) -> bool:
    """Whether a line ends in a separator and a number."""
    _, separated, label = line.rpartition(separator)
    return bool(separated) and label.strip().strip('"').lstrip("-").isdecimal()


def _path(field: str) -> str:
    """The path that a field holds, without the quotes that CSV puts around it."""
    field = field.strip()
    if len(field) > 2 and field[0] == field[-1] == "'":
        return field[1:-1]
    quoted = len(field) > 1 and field[0] == field[-1] == '"'
    return field[1:-1].replace('""', '"') if quoted else field


def _example(name: str, label: str, root: str | Path, classes: int) -> LabelledFile | str:
    """The example of a line, or what is wrong with the line."""
    label = label.strip('"')
    # Of an odd number, the quote before the path is closed behind the label, or nowhere.
    if (name + label)[:1] == '"' and (name + label).count('"') % 2:
        return f"a quote is not closed around the path: {name[:40]!r}"
    if not name or not label:
        return f"expected a path and a label, found {name or label!r}"
    # isdecimal alone takes other scripts' digits, which no annotation means.
    if not (label.isascii() and label.isdecimal() and len(label) < 10):
        return f"expected a label from 0 to {classes - 1} at the end, found {label[:40]!r}"
    if more := (name[-1].isdecimal() and _MORE_NUMBERS.search(name)) or _MORE_COLUMNS.search(name):
        columns = more["more"].strip(" ,;\t")
        return f"expected one label behind the path, found {columns!r} and {label!r}"
    if int(label) >= classes:
        guess = f": does the list count from 1, to {classes}?" if int(label) == classes else ""
        return f"the label is {label}, but there are {classes} classes, 0 to {classes - 1}{guess}"
    return LabelledFile(path=os.path.join(root, name), label=int(label))

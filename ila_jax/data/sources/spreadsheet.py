"""Lists of files and the names of their classes, as spreadsheets and scripts export them.

    file,label,group,split
    clips/a1.mp4,opening a door,film 1,train
    clips/b7.mp4,"opening a door;walking",film 2,

Only `file` and `label` have to be there. Columns stand in any order, also among others; without a
header there are two, the file and the label.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.data.class_names.classes import composed
from ila_jax.data.sources.split_names import LEFT_OUT, SPLITS, split_named
from ila_jax.data.sources.video_files import suffix
from ila_jax.data.video.suffixes import SUFFIXES
from ila_jax.files.counts import count_of
from ila_jax.files.text_files import all_usable, csv_rows, read_text

EXPECTED = "a list of videos with the columns file and label (saved as CSV)"
# What columns are called, the plainest first: of several that a header has, that one is taken.
_COLUMNS = {
    "file": "file filename file_name path filepath file_path video video_path clip clip_path id",
    "label": "label labels class classes class_name category action actions activity tags",
    "group": "group groups group_id source source_video recording",
    "split": "split subset set partition",
    "reason": "reason",
}
_SAMPLE = 200  # rows that tell what stands between the columns
# Charades: `c092 11.90 21.20;c147 0.00 12.60`, a class and the seconds from and to.
_TIMED = re.compile(r"(\S+)\s+\d+(?:\.\d+)?\s+\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A row of a list, or a file of a folder of videos.

    file: as the list has it. labels: as they are written, several for a clip of several classes.
    group: of clips that belong on one side of a split, or "". split: one of `split_names`, or "".
    reason: why it is there.
    """

    file: str
    labels: tuple[str, ...]
    group: str = ""
    split: str = ""
    reason: str = ""


def read_spreadsheet(path: str | Path) -> list[LabelledClip]:
    """The rows of a list of files and names of classes.

    Columns are separated by commas, semicolons or tabs. Several labels of a clip stand in one cell,
    with `;` or `|` between them, or with their seconds as in Charades.
    Errors: FileNotFoundError; ValueError that lists the bad rows together.
    """
    text = read_text(path, EXPECTED, raw=True)
    if not text.strip():
        raise ValueError(f"{path} is empty: expected {EXPECTED}")
    delimiter = max(",;\t", key=lambda delimiter: _fits(path, text, delimiter))
    rows = list(csv_rows(path, text, delimiter))
    columns = _header(rows[0][1])
    if columns is None:
        columns = _without_header(path, [fields for _, fields in rows])
    else:
        rows = rows[1:]
    width = max(columns.values()) + 1
    clips = all_usable(path, "rows", ((k, _clip(fields, columns, width)) for k, fields in rows))
    if not clips:
        raise ValueError(f"{path} lists no videos: expected {EXPECTED}, found the header alone")
    return clips


def _fits(path: str | Path, text: str, delimiter: str) -> tuple[bool, float]:
    """How well a character separates the columns: whether of a header, else of how many rows."""
    lines = text.strip("\n").split("\n")[:_SAMPLE]
    try:
        rows = [fields for _, fields in csv_rows(path, "\n".join(lines), delimiter)]
    # A quote that another delimiter leaves in the middle of a field; what is really wrong with the
    # quotes is said when the rows are read.
    except ValueError:
        return False, 0.0
    good = [len(fields) > 1 and any(map(_is_video_name, fields)) for fields in rows]
    return _header(rows[0]) is not None, sum(good) / len(rows)


def _is_video_name(cell: str) -> bool:
    return suffix(cell.strip()) in SUFFIXES


def _header(fields: Sequence[str]) -> dict[str, int] | None:
    """The place of each column that a header names; None where a row is no header."""
    names = [field.strip().lower().replace(" ", "_") for field in fields]
    columns = {
        column: names.index(word)
        for column, words in _COLUMNS.items()
        if (word := next((word for word in words.split() if word in names), None)) is not None
    }
    return columns if {"file", "label"} <= columns.keys() else None


def _without_header(path: str | Path, rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """The places of file and label. Errors: ValueError for more than two columns."""
    first = rows[0]
    if len(first) != 2:
        raise ValueError(
            f"{path} has {count_of(len(first), 'column', 'columns')} and no header that names "
            "them: expected a first line such as file,label or file,label,group, found "
            f"{', '.join(map(repr, first))[:200]}"
        )
    videos = [sum(_is_video_name(row[k]) for row in rows if len(row) > k) for k in (0, 1)]
    file = int(videos[1] > videos[0])
    return {"file": file, "label": 1 - file}


def _clip(fields: Sequence[str], columns: dict[str, int], width: int) -> LabelledClip | str:
    """The clip of a row, or what is wrong with the row."""
    if len(fields) < width:
        return f"expected {width} columns or more, found {len(fields)}: {', '.join(fields)[:60]!r}"
    cells = {column: fields[place] for column, place in columns.items()}
    if any("\n" in cell for cell in cells.values()):
        return "a quote that is opened here is closed in another line"
    file = cells["file"].strip()
    if not file:
        return "expected a file, found an empty cell"
    # A video in the place of a label: more columns than the header has, or swapped ones.
    if _is_video_name(cells["label"]):
        return f"expected a label, found the name of a video: {cells['label'][:60]!r}"
    split = cells.get("split", "").strip()
    if split and split_named(split) is None:
        known = ", ".join((*SPLITS, LEFT_OUT))
        return f"expected a split ({known}) or an empty cell, found {split[:40]!r}"
    return LabelledClip(
        file=file,
        labels=_labels(cells["label"]),
        group=cells.get("group", "").strip(),
        split=split_named(split) or "",
        reason=cells.get("reason", "").strip(),
    )


def _labels(cell: str) -> tuple[str, ...]:
    """The labels in a cell, each once, in their order. Of a single one blanks at its ends stay."""
    parts = [part for part in re.split("[;|]", composed(cell)) if part.strip()]
    timed = [_TIMED.fullmatch(part.strip()) for part in parts]
    if timed and all(timed):
        parts = [match[1] for match in timed if match]
    elif len(parts) > 1:
        parts = [part.strip() for part in parts]
    return tuple(dict.fromkeys(parts))

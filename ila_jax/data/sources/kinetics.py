"""Kinetics' lists: CSV of clips of YouTube videos, whose files are named in one of several ways."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.data.class_names.classes import Classes, spaced, spelling
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource, OpenedSplit
from ila_jax.data.sources.video_files import FilesByStem, suffix
from ila_jax.files.text_files import all_usable, csv_rows, delimiter_of

_EXPECTED = "Kinetics' CSV with the columns label, youtube_id, time_start and time_end"
_COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
# What `split` says, and how folders of that split are called.
_SPLITS = {
    "train": {"train", "training"},
    "validate": {"val", "valid", "validate", "validation"},
    "val": {"val", "valid", "validate", "validation"},
    "test": {"test", "testing"},
}


# With slots: a list has 240,000 of them.
@dataclass(frozen=True, slots=True)
class KineticsClip:
    """A clip of ten seconds of a YouTube video, as a row of the list names it.

    video: YouTube's id. start, end: whole seconds, None where the list does not say. split: in
    lower case, as the list calls it.
    """

    label: str
    video: str
    start: int | None
    end: int | None
    split: str

    @property
    def id(self) -> str:
        """The clip's name in the benchmark, however its file is called."""
        return self.video if self.start is None else f"{self.video}_{self.start:06d}_{self.end:06d}"

    @property
    def stems(self) -> Iterator[str]:
        """What its file may be called without the suffix; the most exact first."""
        # Tools that download them differ in what of the times they write, and with how many zeros.
        yield self.id
        if self.start is not None:
            yield f"{self.video}_{self.start}_{self.end}"
            yield f"{self.video}_{self.start:06d}"
            yield self.video


def open_kinetics(
    path: str | Path, text: str, root: str | Path, class_names: Sequence[str] | None
) -> OpenedSplit:
    """The clips of a CSV file with this text, found by one listing of the video files below `root`.

    Where several files have a clip's name, the one in a folder of its class is taken, or of its
    split, or the first by path. Clips without a file are kept: they read as missing. class_names:
    None takes the labels of the file in alphabetical order, which is how Kinetics numbers them.
    Errors: ValueError that lists the bad rows together, or when no clip at all has a file.
    """
    rows = _rows(path, text)
    names = sorted({row.label for row in rows}) if class_names is None else class_names
    labels = Classes(names).labels(path, (row.label for row in rows), "labels")
    files = FilesByStem(root)
    examples, with_file = [], 0
    for row in rows:
        candidates = files.find(row.stems)
        with_file += bool(candidates)
        name = _best(candidates, row) if candidates else f"{row.id}.mp4"
        examples.append(LabelledFile(os.path.join(root, name), labels[row.label]))
    # Some may be missing, as videos vanish from YouTube; all of them mean a wrong folder.
    if not with_file:
        names_tried = " or ".join(f"{stem}.mp4" for stem in rows[0].stems)
        raise ValueError(
            f"none of the {len(rows)} clips of {path} has a file below {root}: expected names "
            f"such as {names_tried}, in any folders; found {files.described()}. "
            "Point data.root to the videos."
        )
    ids = [row.id for row in rows]
    notes = files.notes(path, len(rows), with_file)
    return OpenedSplit(ListSource(examples), tuple(names), ids, notes)


def is_kinetics(text: str) -> bool:
    """Whether the first line names the columns of Kinetics' lists."""
    return "youtube_id" in text.lstrip().partition("\n")[0].lower()


def _rows(path: str | Path, text: str) -> list[KineticsClip]:
    """Errors: ValueError that lists the bad rows together."""
    lines = csv_rows(path, text, delimiter_of(text))
    header = [name.strip().lower() for name in next(lines, (1, list[str]()))[1]]
    missing = [name for name in ("label", "youtube_id") if name not in header]
    if missing:
        raise ValueError(
            f"{path} has no column {' and no column '.join(missing)}: expected {_EXPECTED}, found "
            f"{', '.join(header) or 'nothing'}. (Kinetics' list of unlabelled test clips has none.)"
        )
    columns = [header.index(name) if name in header else None for name in _COLUMNS]
    cells = (
        (k, ["" if i is None or i >= len(fields) else fields[i].strip() for i in columns])
        for k, fields in lines
    )
    rows = all_usable(path, "rows", ((k, _row(*fields)) for k, fields in cells))
    if not rows:
        raise ValueError(f"{path} lists no clips: expected {_EXPECTED}, found the header alone.")
    return rows


def _row(label: str, video: str, start: str, end: str, split: str) -> KineticsClip | str:
    """The row of a line, or what is wrong with it."""
    for field in (label, video, start, end, split):
        if "\n" in field:
            lines = field.count("\n")
            return f"a quote that is opened here is closed {lines} lines below: {field[:40]!r}"
    if not label or not video:
        return f"expected a label and a youtube_id, found {label!r} and {video!r}"
    label, split = sys.intern(label), sys.intern(split.lower())  # few, in 240,000 rows
    if not start and not end:
        return KineticsClip(label, video, None, None, split)
    try:
        return KineticsClip(label, video, round(float(start)), round(float(end)), split)
    except (ValueError, OverflowError):
        return f"expected times in seconds, found {start!r} and {end!r}"


def _best(paths: Sequence[str], row: KineticsClip) -> str:
    """The file that is meant, of several whose names fit a clip."""
    if len(paths) == 1:
        return paths[0]

    # False comes before True, so the first difference decides, and the path where there is none.
    def rank(path: str) -> tuple[bool, bool, bool, bool, str]:
        folders = path.split("/")[:-1]
        # The name itself first: with other punctuation it may be another class's.
        of_class = spaced(row.label) in map(spaced, folders)
        like_class = spelling(row.label) in map(spelling, folders)
        of_split = not _SPLITS.get(row.split, set()).isdisjoint(f.lower() for f in folders)
        preview = suffix(path) in ("gif", "apng")  # of the video beside it
        return not of_class, not like_class, not of_split, preview, path

    return min(paths, key=rank)

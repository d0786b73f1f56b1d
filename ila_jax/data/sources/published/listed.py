"""Clips that a data set's own lists name, with their files looked for below a folder."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ila_jax.data.class_names.classes import Classes, spelling
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource, OpenedSplit
from ila_jax.data.sources.video_files import FilesByStem, stem
from ila_jax.files.text_files import all_usable, read_text


class PublishedClip(NamedTuple):
    """A clip of a list. file: its path, name or id there. labels: numbers of its classes."""

    file: str
    labels: tuple[int, ...]


def required_file(folder: Path, *names: str) -> Path:
    """The first of these files that is in a folder. Errors: FileNotFoundError that names them."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"{folder} has no {' and no '.join(names)}: expected the data set's own lists, as they are "
        "distributed"
    )


def read_lines(path: Path, expected: str) -> list[tuple[int, str]]:
    """(number, text) of the lines of a file that are not blank. Errors: OSError; ValueError."""
    # Raw, as names of files may hold bytes that are no UTF-8.
    lines = read_text(path, expected, raw=True).split("\n")
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def usable(path: Path, rows: Iterable[tuple[int, PublishedClip | str]]) -> list[PublishedClip]:
    """The clips of a list. rows: the number of each line, and its clip or what is wrong with it.

    Errors: ValueError that lists the bad lines together, and for a list without clips.
    """
    clips = all_usable(path, "lines", rows)
    if not clips:
        raise ValueError(f"{path} lists no clips: expected the data set's own list")
    return clips


def open_clips(
    where: str | Path,
    clips: Sequence[PublishedClip],
    names: Sequence[str],
    *,
    root: str,
    class_names: Sequence[str] | None,
    several_labels: bool = False,
    notes: Sequence[str] = (),
) -> OpenedSplit:
    """The videos of these clips, found by one listing of the video files below `root`.

    A file is known by its name without the suffix: clips that were encoded anew are found as well.
    Videos without a file are kept, and read as missing. names: of the data set's classes, in the
    order of its numbers. class_names: None takes these; given, each has to mean one of them.
    several_labels: whether a clip may have any number of classes.
    Errors: ValueError for names that mean no class, and when no clip at all has a file.
    """
    given = names if class_names is None else class_names
    number = Classes(given).labels(where, names, "classes")
    files = FilesByStem(root or ".")
    examples, with_file = [], 0
    targets = np.zeros((len(clips), len(given)), np.bool_)
    for row, clip in enumerate(clips):
        targets[row, [number[names[label]] for label in clip.labels]] = True
        # Of several classes the first is what a video is listed and replaced under.
        label = int(targets[row].argmax())
        candidates = files.find([stem(clip.file)])
        with_file += bool(candidates)
        name = _of_class(candidates, given[label]) if candidates else clip.file
        examples.append(LabelledFile(os.path.join(root, name), label))
    # Some may be missing; all of them mean that the folder is another one.
    if not with_file:
        raise ValueError(
            f"none of the {len(clips)} clips of {where} has a file below {root or 'this folder'}: "
            f"expected names such as {clips[0].file}, in any folders and with any video's suffix; "
            f"found {files.described()}. Point data.root to the videos."
        )
    source = ListSource(examples, targets if several_labels else None)
    ids = [clip.file for clip in clips]
    about_files = files.notes(where, len(clips), with_file)
    return OpenedSplit(source, tuple(given), ids, [*notes, *about_files])


def _of_class(paths: Sequence[str], name: str) -> str:
    """Of several files of one name the one in a folder of the class, else the first by path."""
    spelled = spelling(name)
    return min(paths, key=lambda path: (spelled not in map(spelling, path.split("/")[:-1]), path))

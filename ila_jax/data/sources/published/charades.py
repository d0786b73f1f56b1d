"""Charades (Sigurdsson et al., 2016): CSV of videos with several actions each, and their names."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.sources.published.listed import (
    PublishedClip,
    open_clips,
    required_file,
    usable,
)
from ila_jax.data.sources.published.parts import folder_and_part
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.files.text_files import csv_rows, read_text

_EXPECTED = "Charades' CSV with the columns id and actions, `c092 11.90 21.20;c147 0.00 12.60`"
_CLASSES = "Charades_v1_classes.txt"


def open_charades(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The videos of a part of Charades. rest: `FOLDER@train`.

    A video has every action that happens in it, whenever that is; one without any is kept, and
    shows none of the classes. Errors: FileNotFoundError; ValueError.
    """
    folder, part = folder_and_part("charades", rest)
    names = read_class_names(required_file(folder, _CLASSES))
    path = required_file(folder, f"Charades_v1_{part}.csv")
    clips = usable(path, _clips(path, len(names)))
    return open_clips(
        path, clips, names, root=root, class_names=class_names, several_labels=True,
        notes=_without_actions(path, clips),
    )  # fmt: skip


def _clips(path: Path, classes: int) -> Iterator[tuple[int, PublishedClip | str]]:
    """The videos of a list, and what is wrong with other rows. Errors: ValueError for columns."""
    rows = csv_rows(path, read_text(path, _EXPECTED))
    header = [cell.strip().lower() for cell in next(rows, (1, list[str]()))[1]]
    if not {"id", "actions"} <= set(header):
        raise ValueError(
            f"{path}: expected {_EXPECTED}, found the columns {', '.join(header) or 'none'}"
        )
    at_id, at_actions = header.index("id"), header.index("actions")
    for number, cells in rows:
        if len(cells) != len(header):
            yield number, f"expected {len(header)} columns, found {len(cells)}"
        elif not cells[at_id].strip():
            yield number, "expected the id of a video, found an empty cell"
        else:
            yield number, _clip(cells[at_id].strip(), cells[at_actions], classes)


def _clip(video: str, cell: str, classes: int) -> PublishedClip | str:
    """A video with the actions of a cell, `c092 11.90 21.20;…`, or what is wrong with the cell.

    The number of a class is that of its line in the file of classes, from 0.
    """
    labels = []
    for action in filter(None, map(str.strip, cell.split(";"))):
        word = action.split()[0]
        number = word.removeprefix("c")
        # isdecimal alone takes other scripts' digits.
        if word == number or not (number.isascii() and number.isdecimal() and len(number) < 10):
            return f"expected actions such as c092 11.90 21.20, found {action[:40]!r}"
        if int(number) >= classes:
            return f"{word} is none of the {classes} classes of {_CLASSES}"
        labels.append(int(number))
    return PublishedClip(video, tuple(dict.fromkeys(labels)))


def _without_actions(path: Path, clips: Sequence[PublishedClip]) -> list[str]:
    """A sentence where videos show none of the classes."""
    none = [clip.file for clip in clips if not clip.labels]
    if not none:
        return []
    return [f"{path}: {len(none)} of {len(clips)} videos have no action, such as {none[0]}"]

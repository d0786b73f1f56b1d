"""A folder per class, named after it, with the class's videos anywhere below."""

import os
from collections.abc import Sequence
from pathlib import Path

from ila_jax.data.class_names.classes import Classes, composed
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource, OpenedSplit
from ila_jax.data.sources.video_files import FolderListing, list_videos
from ila_jax.files.counts import count_of
from ila_jax.files.printable import printable
from ila_jax.files.text_files import listed

_SHOWN = 3  # folders that a sentence names


def open_folders(folder: str | Path, class_names: Sequence[str] | None) -> OpenedSplit:
    """The videos below a folder, which holds a folder for each class.

    class_names: None takes the folders' names in alphabetical order, underscores as spaces.
    Errors: FileNotFoundError; ValueError that lists what does not fit.
    """
    listing, folders = class_folders(folder)
    files = listing.files
    # A video beside the folders has no class, which is a mistake and not to be left out unsaid.
    problems = [f"{path}: in no class's folder" for path in files if "/" not in path]
    if class_names is None:
        names: Sequence[str] = _names(folders, problems)
        number = {name: label for label, name in enumerate(names)}
        label_of = {folder: number[folder_class(folder)] for folder in folders}
    else:
        names = class_names
        label_of = _given(folders, names, problems)
    if problems:
        raise ValueError(listed(f"{folder} cannot be used, move or rename", problems))
    examples = [
        LabelledFile(os.path.join(folder, path), label_of[path.partition("/")[0]]) for path in files
    ]
    notes = [*listing.notes(), *_empty(listing, folders)]
    return OpenedSplit(ListSource(examples), tuple(names), files, notes)


def class_folders(folder: str | Path) -> tuple[FolderListing, list[str]]:
    """What is below a folder, and the names of the folders directly below that hold videos, sorted.

    Errors: FileNotFoundError; ValueError where there are none.
    """
    listing = list_videos(folder)
    # Only folders with videos are classes: one without would be named and never seen.
    files = listing.files
    folders = sorted({path.partition("/")[0] for path in files if "/" in path})
    if not folders:
        videos = count_of(len(files), "video", "videos")
        raise ValueError(
            f"{folder} holds no folder with videos: expected one for each class, such as "
            f"{Path(folder, 'archery', 'clip.mp4')}"
            + (f"; found {videos} in no folder, such as {files[0]}" if files else "")
            + "".join(f". {note}" for note in listing.notes())
        )
    return listing, folders


def folder_class(folder: str) -> str:
    """The class that a folder is named after: text, whatever bytes the folder's name has."""
    return composed(printable(folder)).replace("_", " ").strip() or folder


def _names(folders: Sequence[str], problems: list[str]) -> list[str]:
    """Class names of folders; appends to `problems` those that are one and the same.

    A folder `é` in one character and another in two are one class: they look the same.
    """
    first: dict[str, str] = {}
    for folder in folders:
        # Two spellings of one name are one class, but `a_b` and `a b` may be two, or a mistake.
        other = first.setdefault(folder_class(folder), folder)
        if composed(other) != composed(folder):
            problems.append(f"{folder}: is it the same class as {other}?")
    return list(first)


def _given(folders: Sequence[str], names: Sequence[str], problems: list[str]) -> dict[str, int]:
    """The label of each folder whose name means one of the classes.

    Appends to `problems` a line for each of the others.
    """
    classes = Classes(names)
    labels = {folder: classes.label(printable(folder)) for folder in folders}
    problems += [
        f"{folder}: none of the {len(names)} class names, such as {names[0]!r}"
        for folder, label in labels.items()
        if label is None
    ]
    return {folder: label for folder, label in labels.items() if label is not None}


def _empty(listing: FolderListing, folders: Sequence[str]) -> list[str]:
    """A sentence where folders hold no video at all: a class that is named and never seen."""
    empty = sorted(set(listing.folders).difference(folders))
    if not empty:
        return []
    some = ", ".join(empty[:_SHOWN]) + (", …" if len(empty) > _SHOWN else "")
    return [f"{listing.folder}: {len(empty)} folders hold no video, and are no classes ({some})"]

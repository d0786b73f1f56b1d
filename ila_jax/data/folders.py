"""A folder per class, named after it, with the class's videos anywhere below."""

import os
from collections.abc import Sequence
from pathlib import Path

from ila_jax.data.annotations import Example
from ila_jax.data.class_names import Classes, spelling
from ila_jax.data.listing import SUFFIXES, video_files
from ila_jax.data.sources import ListSource, Opened
from ila_jax.data.text_files import listed


def open_folders(folder: str | Path, class_names: Sequence[str] | None) -> Opened:
    """The videos below a folder, which holds a folder for each class.

    class_names: None takes the folders' names in alphabetical order, underscores as spaces.
    Errors: FileNotFoundError; ValueError that lists what does not fit.
    """
    files = video_files(folder)
    folders = sorted({path.partition("/")[0] for path in files if "/" in path})
    if not folders:
        raise ValueError(
            f"{folder} holds no folder with videos ({', '.join(sorted(SUFFIXES))}): expected one "
            f"for each class, such as {Path(folder, 'archery', 'clip.mp4')}"
            + (f"; found {len(files)} videos in no folder, such as {files[0]}" if files else "")
        )
    problems = [f"{path}: in no class's folder" for path in files if "/" not in path]
    names = _names(folders, problems) if class_names is None else class_names
    classes = Classes(names)
    labels = {name: classes.label(name) for name in folders}
    problems += [
        f"{name}: none of the {len(names)} class names, such as {names[0]!r}"
        for name, label in labels.items()
        if label is None and class_names is not None
    ]
    if problems:
        raise ValueError(listed(f"{folder} cannot be used, move or rename", problems))
    examples = [
        Example(os.path.join(folder, path), label)
        for path in files
        if (label := labels[path.partition("/")[0]]) is not None
    ]
    return Opened(ListSource(examples), tuple(names), files)


def _names(folders: Sequence[str], problems: list[str]) -> list[str]:
    """Class names of folders; appends to `problems` those that are hard to tell apart."""
    first: dict[str, str] = {}
    for name in folders:
        other = first.setdefault(spelling(name), name)
        if other != name:
            problems.append(f"{name}: is it the same class as {other}?")
    return [name.replace("_", " ").strip() for name in folders]

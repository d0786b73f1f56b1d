"""Your own videos before they are split: a folder for each class, or a list of files and labels."""

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ila_jax.data.class_names.classes import composed
from ila_jax.data.sources.folders import class_folders, folder_class
from ila_jax.data.sources.spellings import one_spelling
from ila_jax.data.sources.split_names import split_named
from ila_jax.data.sources.spreadsheet import LabelledClip, read_spreadsheet
from ila_jax.data.sources.video_files import FilesByStem, suffix
from ila_jax.files.counts import count_of
from ila_jax.files.printable import printable
from ila_jax.files.text_files import listed

_SHOWN = 3  # clips that a sentence names


@dataclass(frozen=True)
class OwnVideos:
    """Labelled videos, each once.

    where: the folder or the list that names them. clips: with the names of their classes. paths: of
    their files. class_names: class 0 first. multi_label: whether a clip may have any number of
    classes. notes: sentences about what was left out or merged.
    """

    where: str
    clips: Sequence[LabelledClip]
    paths: Sequence[str]
    class_names: tuple[str, ...]
    multi_label: bool
    notes: Sequence[str] = ()


def read_own_videos(where: str, *, root: str = "", merge_labels: bool = False) -> OwnVideos:
    """The videos of a folder with a folder for each class, or of a list of files and classes.

    In a folder, `train`, `val` and `test` with a folder for each class in each of them are splits.
    root: folder that relative paths of a list start from; "" is the list's own. merge_labels:
    whether labels that differ only in case and blanks are one class, or an error.
    Errors: FileNotFoundError; ValueError that says what is wrong, such as a single class.
    """
    name_of_label: Callable[[str], str] = str.strip
    if os.path.isdir(where):
        clips, notes = _below(where)
        name_of_label = folder_class  # underscores as spaces
        paths = [os.path.join(where, clip.file) for clip in clips]
    else:
        clips, notes = _each_once(where, read_spreadsheet(where))
        paths = _paths(clips, root or os.path.dirname(where))
    multi_label = any(len(clip.labels) > 1 for clip in clips)
    notes += _unlabelled(where, clips, multi_label)
    labels = Counter(label for clip in clips for label in clip.labels)
    spelled, merged = one_spelling(labels, merge=merge_labels)
    name_of = {label: name_of_label(spelling) for label, spelling in spelled.items()}
    clips = [dataclasses.replace(clip, labels=_named(clip, name_of)) for clip in clips]
    names = _class_names(where, set(name_of.values()))
    notes += merged
    return OwnVideos(str(where), clips, paths, names, multi_label, notes)


def _below(folder: str) -> tuple[list[LabelledClip], list[str]]:
    """The videos of a folder with a folder for each class, and what was left out."""
    listing, folders = class_folders(folder)
    problems = [f"{file}: in no class's folder" for file in listing.files if "/" not in file]
    parts = [file.split("/") for file in listing.files]
    # With one folder alone, `train` may as well be the name of a class.
    splits = len(folders) > 1 and all(split_named(name) is not None for name in folders)
    if splits:
        problems += ["/".join(p) + ": in no class's folder" for p in parts if len(p) == 2]
    if problems:
        raise ValueError(listed(f"{folder} cannot be used, move or rename", problems))
    clips = [
        LabelledClip(
            file=file,
            labels=(composed(printable(names[splits])),),
            split=(split_named(names[0]) or "") if splits else "",
        )
        for file, names in zip(listing.files, parts, strict=True)
    ]
    return clips, listing.notes()


def _each_once(where: str, clips: Iterable[LabelledClip]) -> tuple[list[LabelledClip], list[str]]:
    """The clips of a list without those that say again what another has said.

    Errors: ValueError that lists the files with several labels in several rows.
    """
    first: dict[str, LabelledClip] = {}
    problems, again = [], []
    for clip in clips:
        other = first.setdefault(os.path.normpath(clip.file), clip)
        if other is clip:
            continue
        again.append(clip.file)
        if set(other.labels) != set(clip.labels):
            labels = " and ".join(", ".join(c.labels) or "nothing" for c in (other, clip))
            problems.append(f"{clip.file}: {labels}")
    if problems:
        heading = (
            f"{count_of(len(problems), 'file has', 'files have')} several labels in several rows "
            f"of {where}; keep the right row, or write all labels of a clip into one cell, with ; "
            "between them"
        )
        raise ValueError(listed(heading, problems))
    files = count_of(len(again), "file is", "files are")
    note = f"{where}: {files} listed more than once, and taken once"
    return list(first.values()), [f"{note} ({_some(again)})"] if again else []


def _paths(clips: Sequence[LabelledClip], root: str) -> list[str]:
    """The path of each clip's file; a name without a suffix gets that of the file below the root.

    Errors: ValueError where none of the files is there.
    """
    paths = [os.path.join(root, clip.file) for clip in clips]
    # Charades, Something-Something and others list ids: the video is called so, with a suffix.
    bare = [k for k, path in enumerate(paths) if not suffix(path) and not os.path.exists(path)]
    if bare:
        by_stem = FilesByStem(root or ".")
        for k in bare:
            paths[k] = next(
                (os.path.join(root, file) for file in by_stem.find([clips[k].file])), paths[k]
            )
    if not any(map(os.path.exists, paths)):
        raise ValueError(
            f"none of the {len(paths)} listed files is there, such as {paths[0]}: relative paths "
            f"start from {root or 'this folder'}; name the folder that they start from (--root)"
        )
    return paths


def _named(clip: LabelledClip, name_of: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name_of[label] for label in clip.labels))


def _class_names(where: str, names: set[str]) -> tuple[str, ...]:
    """Class names in alphabetical order; where all are numbers, in the order of the numbers.

    Errors: ValueError for less than two.
    """
    if len(names) < 2:
        raise ValueError(
            f"{where} has {len(names)} class{'es' * (len(names) != 1)}"
            f"{''.join(f', {name!r}' for name in names)}: there is nothing to tell apart. Expected "
            "two classes or more"
        )
    numbers = all(name.isascii() and name.isdecimal() for name in names)
    return tuple(sorted(names, key=int if numbers else None))


def _unlabelled(where: str, clips: Sequence[LabelledClip], multi_label: bool) -> list[str]:
    """A sentence about clips of no class. Errors: ValueError where each has to have one."""
    files = [clip.file for clip in clips if not clip.labels]
    if files and not multi_label:
        raise ValueError(
            f"{count_of(len(files), 'file has', 'files have')} no label in {where}, such as "
            f"{_some(files)}: label them, or take them off the list"
        )
    what = count_of(len(files), "clip has no label, and shows", "clips have no label, and show")
    note = f"{where}: {what} none of the classes"
    return [f"{note} ({_some(files)})"] if files else []


def _some(files: Sequence[str]) -> str:
    return ", ".join(files[:_SHOWN]) + (", …" if len(files) > _SHOWN else "")

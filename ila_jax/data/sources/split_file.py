"""The file of a split, `file,label,split,group,reason` a line: kept, edited, and read again."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ila_jax.data.class_names.classes import Classes
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.own_videos import OwnVideos, read_own_videos
from ila_jax.data.sources.source import ListSource, OpenedSplit
from ila_jax.data.sources.split_names import LEFT_OUT, SPLITS
from ila_jax.files.counts import count_of
from ila_jax.files.publish import publish_on_disk

_HEADER = ("file", "label", "split", "group", "reason")


def write_split(path: Path, videos: OwnVideos) -> None:
    """Writes a split. Files below the folder of the file are named from there, others in full.

    Errors: OSError; ValueError for class names that the file could not tell apart from several.
    """
    joined = [name for name in videos.class_names if any(c in name for c in ";|\n")]
    if joined:
        raise ValueError(
            f"{', '.join(map(repr, joined[:3]))}: expected class names without ; | and line breaks,"
            " which stand between the labels of a clip. Rename them"
        )
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_HEADER)
    for clip, file in zip(videos.clips, videos.paths, strict=True):
        name = _from(path.absolute().parent, file)
        rows.writerow((name, ";".join(clip.labels), clip.split, clip.group, clip.reason))
    # Names of files may hold bytes that are no UTF-8: they are kept, as lists are read.
    data = text.getvalue().encode("utf-8", errors="surrogateescape")
    publish_on_disk(path, lambda scratch: scratch.write_bytes(data))


def read_split(path: str | Path, *, root: str = "") -> OwnVideos:
    """A split as it is in its file. root: folder that relative paths start from; "" is the file's.

    Errors: FileNotFoundError; ValueError that lists what cannot be used, rows without a split too.
    """
    videos = read_own_videos(str(path), root=root)
    without = [clip.file for clip in videos.clips if not clip.split]
    if without:
        raise ValueError(
            f"{count_of(len(without), 'file has', 'files have')} no split in {path}, such as "
            f"{without[0]}: expected {', '.join(SPLITS)} or {LEFT_OUT} for each. python -m "
            "ila_jax.data.split fills it in"
        )
    return videos


def open_split(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The videos of `FILE@SPLIT`, a split of such a file.

    class_names: None takes those of all splits, in alphabetical order. Errors: as `read_split`, and
    ValueError for a split that has no video.
    """
    path, _, split = rest.rpartition("@")
    videos = read_split(path or rest, root=root)
    chosen = [k for k, clip in enumerate(videos.clips) if clip.split == split]
    if not chosen:
        there = sorted({clip.split for clip in videos.clips} - {LEFT_OUT})
        raise ValueError(f"{rest}: expected FILE@SPLIT, with one of {', '.join(there)}")
    names = used_class_names(videos) if class_names is None else tuple(class_names)
    labels = Classes(names).labels(
        path, (x for k in chosen for x in videos.clips[k].labels), "labels"
    )
    targets = np.zeros((len(chosen), len(names)), np.bool_)
    for row, k in enumerate(chosen):
        targets[row, [labels[name] for name in videos.clips[k].labels]] = True
    # The first of several labels is what a video is listed and replaced under.
    examples = [
        LabelledFile(videos.paths[k], int(target.argmax()))
        for k, target in zip(chosen, targets, strict=True)
    ]
    source = ListSource(examples, targets if videos.multi_label else None)
    return OpenedSplit(source, names, [videos.clips[k].file for k in chosen], videos.notes)


def used_class_names(videos: OwnVideos) -> tuple[str, ...]:
    """The classes of the clips that are in a split: of one that is left out nothing is learnt."""
    used = {x for clip in videos.clips if clip.split != LEFT_OUT for x in clip.labels}
    return tuple(name for name in videos.class_names if name in used)


def _from(folder: Path, file: str) -> str:
    full = os.path.abspath(file)
    inside = os.path.commonpath([folder, full]) == str(folder)
    return os.path.relpath(full, folder) if inside else full

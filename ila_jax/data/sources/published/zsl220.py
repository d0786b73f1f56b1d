"""Kinetics-600 for zero-shot recognition (Chen and Huang, 2021): three times 160 new classes.

The files are those of `datasets/Kinetics/zsl220` of their repository, ElaborativeRehearsal: 620
classes, of which the first 400 are those of Kinetics-400 and the others new, and of these, three
times, 60 to choose a model by and 160 to measure it on.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ila_jax.data.class_names.numbering import number_of
from ila_jax.data.sources.published.listed import (
    PublishedClip,
    open_clips,
    read_lines,
    required_file,
    usable,
)
from ila_jax.data.sources.published.parts import folder_and_part
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.files.text_files import parse_json, read_text

_NAMES = 'a list of classes, [{"word": "…", …}, …]'
_NUMBERS = "three lists of numbers of classes, [[402, 403, …], […], […]]"
_VIDEOS = '{"videoname": "….mp4", "label": 568, …} a line'


def open_zsl220(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The test clips of one of the three sets of classes. rest: `zsl220@test1`.

    Of a class the `word` is its name; of the videos those whose label is one of the set, and that
    tst_video_names.json lists. Errors: FileNotFoundError; ValueError.
    """
    folder, part = folder_and_part("zsl220", rest)
    names = _names(required_file(folder, "classes620_label_defn.json"))
    chosen = _chosen(required_file(folder, "tst_class_idxs.json"), int(part[-1]), len(names))
    path = required_file(folder, "tst_video_metas.jsonl")
    kept = _video_names(required_file(folder, "tst_video_names.json"))
    number = {label: k for k, label in enumerate(chosen)}
    clips = [
        PublishedClip(clip.file, (number[clip.labels[0]],))
        for clip in usable(path, _clips(path, len(names)))
        if clip.labels[0] in number and clip.file in kept
    ]
    if not clips:
        raise ValueError(f"{path} has no clip of the {len(chosen)} classes of {part}")
    words = [names[label] for label in chosen]
    return open_clips(path, clips, words, root=root, class_names=class_names)


def _names(path: Path) -> list[str]:
    entries = parse_json(path, read_text(path, _NAMES), _NAMES)
    words = [e.get("word") if isinstance(e, dict) else None for e in _as_list(path, entries)]
    if not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise ValueError(f"{path}: expected {_NAMES}, with a word for each class")
    return [str(word).strip() for word in words]


def _chosen(path: Path, split: int, classes: int) -> list[int]:
    """The classes of a split, in the order of the file. Errors: ValueError."""
    lists = _as_list(path, parse_json(path, read_text(path, _NUMBERS), _NUMBERS))
    if len(lists) != 3 or not isinstance(lists[split - 1], list):
        raise ValueError(f"{path}: expected {_NUMBERS}")
    numbers = [number_of(value) for value in lists[split - 1]]
    valid = [number for number in numbers if number is not None and number < classes]
    if not valid or len(set(valid)) < len(numbers):
        raise ValueError(
            f"{path}, list {split}: expected different numbers from 0 to {classes - 1}, found "
            f"{str(lists[split - 1])[:60]}"
        )
    return valid


def _video_names(path: Path) -> set[str]:
    expected = 'a list of names of videos, ["….mp4", …]'
    return set(map(str, _as_list(path, parse_json(path, read_text(path, expected), expected))))


def _clips(path: Path, classes: int) -> Iterator[tuple[int, PublishedClip | str]]:
    """All clips of the list, and what is wrong with other lines."""
    for number, line in read_lines(path, _VIDEOS):
        try:
            values = json.loads(line)
        except ValueError:
            values = None
        name = values.get("videoname") if isinstance(values, dict) else None
        label = number_of(values.get("label")) if isinstance(values, dict) else None
        if not isinstance(name, str) or label is None or label >= classes:
            yield number, f"expected {_VIDEOS}, found {line[:60]}"
        else:
            yield number, PublishedClip(name, (label,))


def _as_list(path: Path, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{path}: expected a list, found {str(value)[:60]}")
    return value

"""Diving48, second version (Li et al., 2018): JSON lists of clips, and a vocabulary of dives."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.class_names.numbering import number_of
from ila_jax.data.sources.published.listed import (
    PublishedClip,
    open_clips,
    required_file,
    usable,
)
from ila_jax.data.sources.published.parts import folder_and_part
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.files.text_files import parse_json, read_text

_EXPECTED = (
    'Diving48\'s JSON, [{"vid_name": "…", "label": 0, "start_frame": 0, "end_frame": 99}, …]'
)


def open_diving48(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The clips of a part of Diving48. rest: `FOLDER@train`, with the files of version 2.

    A class is a dive, named by the four parts that the vocabulary has of it. The whole of a file is
    taken, as the videos are distributed cut. Errors: FileNotFoundError; ValueError.
    """
    folder, part = folder_and_part("diving48", rest)
    names = read_class_names(required_file(folder, "Diving48_vocab.json"))
    path = required_file(folder, f"Diving48_V2_{part}.json")
    entries = parse_json(path, read_text(path, _EXPECTED), _EXPECTED)
    if not isinstance(entries, list):
        raise ValueError(f"{path} is no list of clips: expected {_EXPECTED}")
    clips = usable(path, _clips(entries, len(names)))
    notes = _starting_late(path, entries)
    return open_clips(path, clips, names, root=root, class_names=class_names, notes=notes)


def _clips(entries: Sequence[Any], classes: int) -> Iterator[tuple[int, PublishedClip | str]]:
    """The clips of a list, and what is wrong with other entries, which are counted from 1."""
    for number, entry in enumerate(entries, 1):
        values = entry if isinstance(entry, dict) else {}
        name, label = values.get("vid_name"), number_of(values.get("label"))
        if not isinstance(name, str) or not name.strip():
            yield number, f"expected an object with vid_name and label, found {str(entry)[:60]}"
        elif label is None or label >= classes:
            yield number, f"expected a label from 0 to {classes - 1}, found {values.get('label')!r}"
        else:
            yield number, PublishedClip(name.strip(), (label,))


def _starting_late(path: Path, entries: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence where clips do not begin with the first frame of their file."""
    clips = [entry["vid_name"] for entry in entries if entry.get("start_frame") not in (None, 0)]
    if not clips:
        return []
    return [
        f"{path}: {len(clips)} of {len(entries)} clips begin after frame 0, such as {clips[0]}: "
        "all of each file is taken"
    ]

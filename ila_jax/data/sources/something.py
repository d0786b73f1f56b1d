"""Something-Something v2's lists: JSON objects with an id and a template, files `ID.webm`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ila_jax.data.class_names.classes import Classes, read_class_names
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource, OpenedSplit
from ila_jax.data.sources.video_files import FilesByStem
from ila_jax.files.text_files import listed, parse_json

_EXPECTED = 'Something-Something v2\'s JSON, [{"id": "1", "template": "Holding [something]", …}, …]'
# The two names under which it is distributed, looked for beside the list.
_LABELS = ("labels.json", "something-something-v2-labels.json")


def open_something(
    path: str | Path, text: str, root: str | Path, class_names: Sequence[str] | None
) -> OpenedSplit:
    """The videos of a list with this text, found by one listing of the video files below `root`.

    A video's class is its template without the brackets. class_names: None takes the labels.json
    beside the list. Videos without a file are kept: they read as missing.
    Errors: FileNotFoundError for that; ValueError that lists the bad entries together, or when no
    video at all has a file.
    """
    entries = _entries(path, text)
    # The list itself numbers no classes, as Kinetics' does by its labels: a second file does.
    names = _class_names(path) if class_names is None else tuple(class_names)
    labels = Classes(names).labels(path, (template for _, template in entries), "templates")
    files = FilesByStem(root)
    examples, with_file = [], 0
    for video, template in entries:
        candidates = files.find([video])
        with_file += bool(candidates)
        name = candidates[0] if candidates else f"{video}.webm"
        examples.append(LabelledFile(os.path.join(root, name), labels[template]))
    # Some may be missing, and read so; all of them mean that the folder is another one.
    if not with_file:
        raise ValueError(
            f"none of the {len(entries)} videos of {path} has a file below {root}: expected names "
            f"such as {entries[0][0]}.webm, in any folders; found {files.described()}. Point "
            "data.root to the videos."
        )
    ids = [video for video, _ in entries]
    return OpenedSplit(ListSource(examples), names, ids, files.listing.notes())


def _entries(path: str | Path, text: str) -> list[tuple[str, str]]:
    """(id, template without brackets) of each video."""
    # Only what is needed is kept of each object: there are 169,000 with long sentences.
    objects = parse_json(path, text, _EXPECTED, _entry)
    if not isinstance(objects, list):
        raise ValueError(f"{path} is no list of videos: expected {_EXPECTED}")
    entries, problems = [], []
    for number, entry in enumerate(objects):
        problem = _problem(entry)
        if problem:
            problems.append(f"{path}, entry {number}: {problem}")
        else:
            video, template = entry
            # The labels have "Holding something", where templates have "Holding [something]".
            entries.append((str(video), template.replace("[", "").replace("]", "").strip()))
    if problems:
        heading = (
            f"{len(problems)} entries of {path} cannot be used, correct or remove them (the test "
            "list has no templates, and so no classes)"
        )
        raise ValueError(listed(heading, problems))
    if not entries:
        raise ValueError(f"{path} lists no videos: expected {_EXPECTED}, found an empty list.")
    return entries


def _entry(pairs: list[tuple[str, Any]]) -> tuple[Any, Any]:
    """(id, template) of an object's pairs, None for what it lacks: a tuple, as no other JSON is."""
    values = dict(pairs)
    return values.get("id"), values.get("template")


def _problem(entry: Any) -> str | None:
    """What is wrong with an entry of the list; None where nothing is."""
    if not isinstance(entry, tuple):
        return f"expected an object with id and template, found {entry!r}"
    video, template = entry
    # A number without quotes is an id as well; but to Python, true is such a number.
    if not isinstance(video, str | int) or isinstance(video, bool) or not str(video).strip():
        return f"expected an id, found {video!r}"
    if not isinstance(template, str) or not template.strip():
        return f"expected a template, found {template!r}"
    return None


def _class_names(path: str | Path) -> tuple[str, ...]:
    """The class names of the labels.json beside a list. Errors: FileNotFoundError."""
    label_files = [Path(path).with_name(name) for name in _LABELS]
    for file in label_files:
        if file.exists():
            return read_class_names(file)
    raise FileNotFoundError(
        f"there is no {' or '.join(_LABELS)} beside {path}, which numbers the classes: put it "
        "there, or name it in data.class_names"
    )

"""Few-shot lists: K clips of each class, drawn from a seed into a file, or read from one."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np

from ila_jax.data.sources.annotations import LabelledFile, read_list
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.data.sources.video_files import stem
from ila_jax.files.publish import publish_on_disk, publish_text
from ila_jax.files.text_files import listed, parse_json, read_text

_NAMES = "the class names that drawn lists were made with, as JSON"


def draw(opened: OpenedSplit, shots: int, *, seed: int) -> list[int]:
    """The places of so many clips of each class, class by class. Clips without a file are skipped.

    Those of a class follow from the ids of its clips and the seed alone, not from their order nor
    from other classes; and the clips of 2 are among those of 4, of the same seed.
    Errors: ValueError that lists the classes with fewer clips.
    """
    labels, ids = opened.source.labels, opened.all_ids()
    chosen: list[int] = []
    short: list[str] = []
    for label, name in enumerate(opened.class_names):
        places = sorted(np.flatnonzero(labels == label).tolist(), key=lambda place: ids[place])
        order = _generator(seed, [ids[place] for place in places]).permutation(len(places))
        shuffled = (places[k] for k in order.tolist())
        # Of 240,000 files on a network only those that are needed are looked for.
        drawn = list(islice(filter(partial(_has_file, opened), shuffled), shots))
        chosen += drawn
        if len(drawn) < shots:
            short.append(f"{name}: {len(drawn)}")
    if short:
        heading = f"{len(short)} classes have fewer than {shots} clips with a file to draw from"
        raise ValueError(listed(heading, short))
    return chosen


def _generator(seed: int, ids: Sequence[str]) -> np.random.Generator:
    """Random numbers that follow from a seed and the ids of a class's clips."""
    text = "\n".join(ids).encode("utf-8", errors="surrogateescape")
    # Python's own hash() differs from one process to the next.
    digest = hashlib.sha256(text).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])


def _has_file(opened: OpenedSplit, place: int) -> bool:
    return os.path.isfile(opened.source.name(place))


def write_list(path: Path, opened: OpenedSplit, places: Sequence[int], root: str) -> None:
    """Writes the clips at these places as an annotation list, with paths from `root` on.

    Errors: OSError.
    """
    prefix = os.path.join(root, "")
    lines = [
        f"{opened.source.name(place).removeprefix(prefix)},{opened.source.labels[place]}\n"
        for place in places
    ]
    # The header keeps commas and blanks in a path from being taken for columns. Names of files may
    # hold bytes that are no UTF-8: they are kept, as lists are read.
    data = "".join(["path,label\n", *lines]).encode("utf-8", errors="surrogateescape")
    path.parent.mkdir(parents=True, exist_ok=True)
    publish_on_disk(path, lambda scratch: scratch.write_bytes(data))


def keep_class_names(path: Path, names: Sequence[str]) -> None:
    """Writes the names that a list's numbers stand for, where they are not there yet.

    Errors: ValueError when others are there: lists that were drawn would mean other classes.
    """
    if path.exists():
        _check_names(path, names)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # As JSON: nothing in it is a comment.
    publish_text(path, json.dumps(list(names), indent=1, ensure_ascii=False) + "\n")


def _check_names(path: Path, names: Sequence[str]) -> None:
    """Errors: ValueError where a file has other names than these, and for a damaged one."""
    # As they were written: `read_class_names` brings accents and spaces into one form.
    kept = parse_json(path, read_text(path, _NAMES), _NAMES)
    if not isinstance(kept, list):
        raise ValueError(f"{path} is no list: expected {_NAMES}")
    pairs = zip_longest(kept, names)
    problems = [
        f"class {label}: {old!r} there, {new!r} here"
        for label, (old, new) in enumerate(pairs)
        if old != new
    ]
    if problems:
        heading = (
            f"{path} names other classes than the data set or --class-names now, and the lists "
            "beside it have their numbers: give the names that it was begun with, or another "
            "--workdir"
        )
        raise ValueError(listed(heading, problems))


def read_shots(path: str | Path, train: OpenedSplit, test: OpenedSplit, root: str) -> int:
    """How many clips of each class a list has.

    train, test: the parts of the data set that it has to be taken from, and is measured on.
    Errors: ValueError that lists the clips that are not of the training part, have another label
    there, or stand in it again; and where classes have different numbers of clips.
    """
    names = train.class_names
    examples = read_list(path, root, len(names))
    _check_clips(path, examples, train, test)
    counts = np.bincount([example.label for example in examples], minlength=len(names))
    if counts.min() != counts.max():
        few, many = int(counts.argmin()), int(counts.argmax())
        raise ValueError(
            f"{path} has {counts[few]} clips of {names[few]!r} and {counts[many]} of "
            f"{names[many]!r}: expected as many of each class"
        )
    return int(counts[0])


def _check_clips(
    path: str | Path, examples: Sequence[LabelledFile], train: OpenedSplit, test: OpenedSplit
) -> None:
    """Errors: ValueError that lists the clips of a list that are not those to train on."""
    names = train.class_names
    train_labels, test_labels = _labels_by_stem(train), _labels_by_stem(test)
    # By label too: clips of two classes may have one name.
    times = Counter((stem(example.path), example.label) for example in examples)
    problems = [
        f"{clip} stands in it {count} times" for (clip, _), count in times.items() if count > 1
    ]
    for example in examples:
        clip = stem(example.path)
        labels = train_labels.get(clip, set())
        if clip in test_labels:
            problems.append(f"{clip} is one of the test clips of this split")
        elif not labels:
            problems.append(f"{clip} is none of the training clips of this split")
        elif example.label not in labels:
            label = min(labels)
            problems.append(
                f"{clip} has label {example.label} ({names[example.label]!r}), and is of class "
                f"{label} ({names[label]!r})"
            )
    if problems:
        heading = f"{len(problems)} clips of {path} cannot be trained on, correct or remove them"
        raise ValueError(listed(heading, problems))


def _labels_by_stem(opened: OpenedSplit) -> dict[str, set[int]]:
    """The classes of the clips by the names of their files, which another suffix leaves the same.

    In the lists of others, a clip may stand with another folder or suffix.
    """
    labels: dict[str, set[int]] = {}
    for place, label in enumerate(opened.source.labels.tolist()):
        labels.setdefault(stem(opened.source.name(place)), set()).add(label)
    return labels

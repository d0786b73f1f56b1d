"""Few-shot lists: K clips of each class, drawn from a seed into a file, or read from one."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ila_jax.data.sources.annotations import read_list
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.files.publish import publish_on_disk, publish_text
from ila_jax.files.text_files import listed


def draw(opened: OpenedSplit, shots: int, *, seed: int) -> list[int]:
    """The places of so many clips of each class, class by class.

    They follow from the clips' ids and the seed alone, not from their order; and the clips of 2 are
    among those of 4, of the same seed. Errors: ValueError that lists the classes with fewer clips.
    """
    labels, ids = opened.source.labels, opened.all_ids()
    chosen: list[int] = []
    short: list[str] = []
    for label, name in enumerate(opened.class_names):
        places = sorted(np.flatnonzero(labels == label).tolist(), key=lambda place: ids[place])
        # A generator for each class, so that another class's clips change nothing in this one.
        order = np.random.default_rng([seed, label]).permutation(len(places))
        chosen += [places[k] for k in order[:shots].tolist()]
        if len(places) < shots:
            short.append(f"{name}: {len(places)}")
    if short:
        heading = f"{len(short)} classes have fewer than {shots} clips to draw from"
        raise ValueError(listed(heading, short))
    return chosen


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


def write_class_names(path: Path, names: Sequence[str]) -> None:
    """Writes the names that a list's numbers stand for, as JSON: nothing in it is a comment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    publish_text(path, json.dumps(list(names), indent=1, ensure_ascii=False) + "\n")


def shots_of(path: str | Path, names: Sequence[str], root: str) -> int:
    """How many clips of each class a list has. Errors: ValueError where they differ."""
    examples = read_list(path, root, len(names))
    counts = np.bincount([example.label for example in examples], minlength=len(names))
    if counts.min() != counts.max():
        few, many = int(counts.argmin()), int(counts.argmax())
        raise ValueError(
            f"{path} has {counts[few]} clips of {names[few]!r} and {counts[many]} of "
            f"{names[many]!r}: expected as many of each class"
        )
    return int(counts[0])

"""The parts of the data sets that are opened by their own files, and the splits these make up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PublishedSplit:
    """A division of a data set into what is trained on and what is measured on.

    number: as its authors count, from 1. train, test: names of parts; train is None where a model
    is measured on classes that it was not trained on.
    """

    number: int
    train: str | None
    test: str


def _three(train: str | None) -> tuple[PublishedSplit, ...]:
    """Splits 1 to 3, whose parts end in the number. train: the training part without it."""
    return tuple(
        PublishedSplit(n, None if train is None else f"{train}{n}", f"test{n}") for n in (1, 2, 3)
    )


SPLITS: Mapping[str, tuple[PublishedSplit, ...]] = {
    "hmdb51": _three("train"),
    "ucf101": _three("train"),
    # What papers call the accuracy on Kinetics is that of its validation clips.
    "kinetics": (PublishedSplit(1, "train", "validation"),),
    "zsl220": _three(None),
    "diving48": (PublishedSplit(1, "train", "test"),),
    "charades": (PublishedSplit(1, "train", "test"),),
}


def folder_and_part(kind: str, rest: str) -> tuple[Path, str]:
    """The folder and the part of `FOLDER@PART`. kind: of the data set.

    Errors: FileNotFoundError; ValueError for what is no folder, and for no such part.
    """
    folder, at, part = rest.rpartition("@")
    parts = parts_of(kind)
    if not at or part not in parts:
        raise ValueError(
            f"{kind}:{rest}: expected {kind}:FOLDER@PART, where PART is one of {', '.join(parts)}"
        )
    if not Path(folder).is_dir():
        raise FileNotFoundError(
            f"{folder or 'the folder'} of {kind}:{rest} is no folder: expected the one that holds "
            "the data set's own lists"
        )
    return Path(folder), part


def parts_of(kind: str) -> Sequence[str]:
    """The names of all parts of a data set."""
    return [p for split in SPLITS[kind] for p in (split.train, split.test) if p is not None]

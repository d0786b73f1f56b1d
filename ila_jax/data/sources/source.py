"""Where videos come from: the seam at which every kind of data set plugs in."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.video.files import read_file


class VideoSource(Protocol):
    """Numbered, labelled videos. A source is sent to worker processes, so it must pickle."""

    @property
    def labels(self) -> np.ndarray:
        """Class of every video, the first of several: int32 [n]."""
        ...

    @property
    def targets(self) -> np.ndarray | None:
        """Which classes every video has, bool [n, k]; None where each has exactly one."""
        ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a person knows video `index` by: its path or its key."""
        ...

    def read(self, index: int) -> bytes:
        """The bytes of the encoded file. Errors: BadVideo where there are none to be had."""
        ...


def ground_truth(source: VideoSource) -> np.ndarray:
    """What is learnt and scored of every video: its class, int32 [n], or its classes, bool [n, k].

    The rows are the `label` of batches, so that all that only passes them on serves both.
    """
    return np.asarray(source.labels, np.int32) if source.targets is None else source.targets


def class_counts(truth: np.ndarray, classes: int) -> np.ndarray:
    """How many videos have each class: int [k]. truth: as of `ground_truth`."""
    return truth.sum(axis=0) if truth.ndim == 2 else np.bincount(truth, minlength=classes)


@dataclass(frozen=True)
class OpenedSplit:
    """A split whose annotations are read, and whose videos can be.

    class_names: class 0 first. ids: of every video, the same wherever its file lies; None where
    names are already that. notes: sentences about what was left out, or is not as one would
    expect, and stops nothing.
    """

    source: VideoSource
    class_names: tuple[str, ...]
    ids: Sequence[str] | None = None
    notes: Sequence[str] = ()

    def id(self, index: int) -> str:
        """The id of a video, which is its name where there are no others."""
        return self.source.name(index) if self.ids is None else self.ids[index]

    def all_ids(self) -> Sequence[str]:
        """The ids of all videos, in their order."""
        if self.ids is not None:
            return self.ids
        return [self.source.name(index) for index in range(len(self.source))]


class ListSource:
    """A source of video files, each known by its path."""

    def __init__(self, examples: Sequence[LabelledFile], targets: np.ndarray | None = None) -> None:
        """examples: the files in their order; relative paths start from the working folder.

        targets: bool [n, k], all classes of each where a video may have any number of them.
        """
        # One string of bytes: as many strings, 240,000 paths are slow to send to a worker.
        paths = [os.fsencode(example.path) for example in examples]
        self._paths = b"".join(paths)
        self._ends = np.cumsum([len(path) for path in paths], dtype=np.int64)
        self._labels = np.array([example.label for example in examples], np.int32)
        self.targets = targets

    @property
    def labels(self) -> np.ndarray:
        """The class of every video, the first of several: int32 [n]."""
        return self._labels

    def __len__(self) -> int:
        return len(self._labels)

    def name(self, index: int) -> str:
        """The path of a file. Errors: IndexError."""
        end = self._ends[index]  # which also refuses an index that is too large
        start = self._ends[index - 1] if index else 0
        return os.fsdecode(self._paths[start:end])

    def read(self, index: int) -> bytes:
        """The bytes of a file. Errors: BadVideo where it cannot be read, or is too large."""
        return read_file(self.name(index))

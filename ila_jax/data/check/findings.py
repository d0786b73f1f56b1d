"""What a check of a data set starts from, and what it gathers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ila_jax.data.check.duplicates import FileFacts
from ila_jax.data.sources.source import OpenedSplit


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """How much is checked, and what a run would put up with.

    sample: videos decoded of each split. seconds: for each. processes: decoding at once.
    bad_fraction: of unreadable videos that a run puts up with. replaces: whether it puts readable
    videos of a class in place of unreadable ones. square_pixels: whether it makes pixels square.
    described: whether it was said before which classes each side lacks, as a new split says it.
    """

    sample: int = 200
    seconds: float = 60.0
    processes: int = 2
    bad_fraction: float = 0.01
    replaces: bool = True
    square_pixels: bool = False
    described: bool = False


@dataclass
class Findings:
    """What is known of a data set after it was checked.

    errors: a run could not start, or would stop. warnings: it should not go unseen. splits: facts
    by split, as JSON holds them. repeats: groups of videos that are the same, in full; warnings
    show the first ones. flips: lines of text.
    """

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    splits: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: list[dict[str, Any]] = field(default_factory=list)
    flips: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; could_start: whether there are no errors."""
        return {"could_start": not self.errors} | self.__dict__


@dataclass(frozen=True)
class ListedSplit:
    """A split and what the file system knows of its files; None where videos are no files."""

    name: str
    opened: OpenedSplit
    names: list[str]
    ids: Sequence[str]
    files: FileFacts | None

    @property
    def absent(self) -> np.ndarray:
        """Whether a video is known to be missing or empty: bool [n]."""
        # Whether a record of another source is whole shows only when it is read.
        count = len(self.names)
        return np.zeros(count, bool) if self.files is None else self.files.size <= 0

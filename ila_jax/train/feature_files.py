"""What a frozen image tower gives for the clips of a split, in files that are read without loading.

A folder holds `features.json`, all that the numbers depend on, and for each kind of array one file
of rows, a row for each video, in the order of the list. `videos.bin` says which rows are written.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ila_jax.files.json_files import json_text, read_object
from ila_jax.files.publish import publish_text
from ila_jax.files.writable import check_free_space
from ila_jax.models.vit import TowerTokens

# done: whether the row is written. short: fewer frames than a clip. reason: why the video cannot be
# read (data/video/bad.py), -1 where it can.
_VIDEO = np.dtype([("done", np.bool_), ("short", np.bool_), ("reason", np.int32)])


@dataclass(frozen=True)
class Layout:
    """How many videos there are, and in how many views. tokens: shapes and dtypes of one view."""

    videos: int
    views: int
    tokens: TowerTokens

    @property
    def size(self) -> int:
        """Bytes of all files."""
        of_view = sum(math.prod(x.shape) * x.dtype.itemsize for x in self.tokens)
        return int(self.videos * (self.views * of_view + _VIDEO.itemsize))


class FeatureFiles:
    """The files of one split, opened to be written in order and read in any."""

    def __init__(self, folder: Path, layout: Layout, settings: dict[str, Any]) -> None:
        """Opens a folder that was begun with the same settings, or begins it.

        settings: all that the numbers depend on, as JSON holds them. Errors: ValueError naming what
        differs; OSError where the disk has no room for the files.
        """
        # As it comes back from the file: tuples are lists there.
        settings = json.loads(json_text(settings))
        begun = folder / "features.json"
        if begun.exists():
            _check_same(folder, read_object(begun, set(settings), "kept features"), settings)
        # Before anything is made, and for all of it at once: what is there already is not counted.
        used = sum(path.stat().st_blocks * 512 for path in folder.glob("*.bin"))
        what = f"what the image tower gives for {layout.videos} videos, kept in {folder},"
        check_free_space(folder, max(0, layout.size - used), what)
        folder.mkdir(parents=True, exist_ok=True)
        self.videos = _opened(folder / "videos.bin", _VIDEO, (layout.videos,))
        self._tokens = TowerTokens(
            *(
                _opened(folder / f"{name}.bin", x.dtype, (layout.videos, layout.views, *x.shape))
                for name, x in zip(TowerTokens._fields, layout.tokens, strict=True)
            )
        )
        publish_text(begun, json_text(settings, indent=2) + "\n")

    @property
    def views(self) -> int:
        """How many views of each video are kept."""
        return int(self._tokens.class_tokens.shape[1])

    @property
    def done(self) -> int:
        """How many rows are written, from the first on."""
        missing = np.flatnonzero(~self.videos["done"])
        return int(missing[0]) if len(missing) else len(self.videos)

    def write(
        self,
        index: NDArray[Any],
        tokens: TowerTokens,
        short: NDArray[Any],
        reason: NDArray[Any],
    ) -> None:
        """Writes the rows of some videos. index, short, reason: [b]. tokens: [b, v, …]."""
        for file, rows in zip(self._tokens, tokens, strict=True):
            file[index] = rows
            if isinstance(file, np.memmap):
                file.flush()
        # Last, and after the others are on the disk: a row that counts as written is whole.
        self.videos["short"][index], self.videos["reason"][index] = short, reason
        self.videos["done"][index] = True
        if isinstance(self.videos, np.memmap):
            self.videos.flush()

    def read(self, index: NDArray[Any], view: NDArray[Any]) -> TowerTokens:
        """The tokens of one view of each of some videos: [b, t, …]. index, view: int [b]."""
        return TowerTokens(*(np.asarray(file[index, view]) for file in self._tokens))


def _check_same(folder: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    """Errors: ValueError naming the settings that differ."""
    changed = sorted(key for key in there.keys() | here.keys() if there.get(key) != here.get(key))
    if changed:
        raise ValueError(
            f"{folder} holds features that were computed with other {', '.join(changed)} than this "
            "run has. Delete that folder to compute them anew, or give another --workdir"
        )


def _opened(path: Path, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """A file as an array that can be written to; made where it is not there, filled with zeros.

    Errors: ValueError for a file of another size.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not size:
        return np.zeros(shape, dtype)  # nothing to keep, and an empty file cannot be mapped
    if not path.exists():
        # Sparse: it takes room as it is written.
        with path.open("wb") as file:
            file.truncate(size)
    elif path.stat().st_size != size:
        raise ValueError(
            f"{path} has {path.stat().st_size} bytes, expected {size}: it was cut or is of "
            "something else. Delete its folder, and the features are computed anew"
        )
    return np.memmap(path, dtype, "r+", shape=shape)


@dataclass(frozen=True)
class CachedFeatures:
    """The kept features of a run's training and validation videos."""

    train: FeatureFiles
    validation: FeatureFiles

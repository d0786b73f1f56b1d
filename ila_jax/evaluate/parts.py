"""The parts of an unfinished evaluation on disk: a file for each batch, whole or not there."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ila_jax.evaluate.views import ScoreRows
from ila_jax.files.arrays import publish_arrays


class ScoredParts:
    """Files FIRST-END.npz in a folder, each with the scores of the videos from FIRST to before END.

    The parts that count follow each other without a gap from video 0 on.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def end(self) -> int:
        """Returns the number of the first video that is not scored yet."""
        return max((end for _, end, _ in self._files()), default=0)

    def write(self, first: int, end: int, rows: ScoreRows) -> None:
        """Adds the scores of the next videos, as `views.score` gives them. Errors: OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{first:08d}-{end:08d}.npz"
        publish_arrays(path, rows)

    def read(self, names: Sequence[str] | None = None) -> Iterator[tuple[range, ScoreRows]]:
        """Yields the numbers of the videos and their scores, part by part.

        names: of the arrays to read; None for all of them. Errors: ValueError for a damaged part.
        """
        for first, end, path in self._files():
            try:
                # A .npz is a zip file, which keeps a checksum of each array.
                with np.load(path) as arrays:
                    rows = {name: arrays[name] for name in names or arrays.files}
            except Exception as error:  # zipfile, zlib and numpy each have their own
                raise ValueError(
                    f"{path} is damaged ({error}): delete it, and the same command scores its "
                    "videos again"
                ) from error
            yield range(first, end), rows

    def remove(self) -> None:
        """Deletes all parts: only when the results that were made of them are on the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[tuple[int, int, Path]]:
        """(first, end, file) of the parts that follow each other from video 0 on.

        What comes after a gap does not count: its videos are scored again.
        """
        by_first: dict[int, tuple[int, Path]] = {}
        # Two parts begin with the same video where a batch had another size before. In the order of
        # their names the longer comes last, and wins.
        for path in sorted(self.folder.glob("[0-9]*.npz")):
            first, _, stop = path.stem.partition("-")
            by_first[int(first)] = (int(stop), path)
        files, at = [], 0
        while at in by_first:
            end, path = by_first[at]
            files.append((at, end, path))
            at = end
        return files

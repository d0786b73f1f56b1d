"""The parts of an unfinished evaluation on disk: a file for each batch, whole or not there."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ila_jax.evaluate.views import Rows
from ila_jax.files.publish import publish_on_disk


class Parts:
    """Files FIRST-END.npz in a folder, of the videos from FIRST to before END.

    They follow each other without a gap from video 0 on.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def end(self) -> int:
        """The first video that is not done."""
        return max((end for _, end, _ in self._files()), default=0)

    def write(self, first: int, end: int, rows: Rows) -> None:
        """Adds what `score` says of some videos, the next ones. Errors: OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{first:08d}-{end:08d}.npz"
        publish_on_disk(path, lambda scratch: np.savez(scratch, **rows))  # type: ignore[arg-type]

    def read(self, names: Sequence[str] | None = None) -> Iterator[tuple[range, Rows]]:
        """Which videos, and what `score` said of them, part by part.

        names: of what to read, None is all. Errors: ValueError for a damaged one.
        """
        for first, end, path in self._files():
            try:
                with np.load(path) as arrays:  # zip, which keeps a checksum of each array
                    rows = {name: arrays[name] for name in names or arrays.files}
            except Exception as error:  # zipfile, zlib and numpy each have their own
                raise ValueError(
                    f"{path} is damaged ({error}): delete it, and the same command scores its "
                    "videos again"
                ) from error
            yield range(first, end), rows

    def remove(self) -> None:
        """What is in none of the results any more, once those are written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[tuple[int, int, Path]]:
        """(first, end, file) of the parts that follow each other from video 0 on."""
        there: dict[int, tuple[int, Path]] = {}
        for path in sorted(self.folder.glob("[0-9]*.npz")):  # of two with one beginning the longer
            first, _, stop = path.stem.partition("-")
            there[int(first)] = (int(stop), path)
        found, at = [], 0
        while at in there:
            end, path = there[at]
            found.append((at, end, path))
            at = end
        return found

"""Features of a data set in files of so many videos each, which are there whole or not at all."""

import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ila_jax.data.sources.source import OpenedSplit, ground_truth
from ila_jax.data.video.bad import Reason
from ila_jax.extract.features import FeatureRows
from ila_jax.extract.kinds import KINDS
from ila_jax.files.json_files import json_text, read_object
from ila_jax.files.lock import only_writer
from ila_jax.files.plain_name import plain_name
from ila_jax.files.printable import printable
from ila_jax.files.publish import publish, publish_bytes, remove_partial
from ila_jax.files.text_files import listed

Format = Literal["parquet", "npz"]
Columns = dict[str, np.ndarray]
SETTINGS = "extraction.json"


@dataclass(frozen=True)
class Folder:
    """The folder that features go to.

    settings: all that they depend on, as they are written to `extraction.json`. videos: how many
    there are in all. shard: how many videos a file holds.
    """

    path: Path
    settings: dict[str, Any]
    format: Format
    videos: int
    shard: int

    @contextmanager
    def begun(self) -> Iterator[int]:
        """Makes the folder, or checks that it was begun with the same settings, and holds it.

        Yields how many videos are done already. Errors: ValueError naming what differs, or when
        another process writes there; OSError.
        """
        about = self.path / SETTINGS
        if about.exists():
            self._check(read_object(about, {"format"}, "what features depend on"))
        elif self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self.path} is a file: name a new folder")
        elif self.path.exists() and any(path.name[0] != "." for path in self.path.iterdir()):
            raise ValueError(f"{self.path} holds other files: name a new folder")
        message = f"another process is writing into {self.path}: stop it, or name a new folder"
        # Hidden, so that who reads the folder as one table does not meet it.
        lock = self.path / ".writing"
        with only_writer(lock, message):
            # Only under the lock: what another process writes is no leftover.
            remove_partial(self.path)
            publish_bytes(about, json_text(self.settings, indent=2).encode())
            # Files are written in order, and each appears whole: the first that is missing says
            # where to go on.
            numbers = range(self.count)
            first_missing = next((n for n in numbers if not self.file(n).exists()), self.count)
            yield min(first_missing * self.shard, self.videos)
            shutil.rmtree(lock)

    @property
    def count(self) -> int:
        """How many files there are when all are written."""
        return -(-self.videos // self.shard)

    def is_full(self) -> bool:
        """Whether all files are there: then no video is looked at."""
        return all(self.file(number).exists() for number in range(self.count))

    def file(self, number: int) -> Path:
        """The path of a file by its number, counted from 0."""
        return self.path / f"features-{number:05}-of-{self.count:05}.{self.format}"

    def write(self, number: int, columns: Columns, features: FeatureRows) -> None:
        """Writes one file, whole or not at all. Errors: OSError.

        columns: by name, [n]. features: by kind, [n, ...], NaN for a video with a problem.
        """
        save = _parquet if self.format == "parquet" else _npz
        publish(self.file(number), lambda path: save(path, columns, features))

    def _check(self, noted: dict[str, Any]) -> None:
        # Through JSON, as the other side: tuples are lists there.
        asked = json.loads(json_text(self.settings))
        differ = [
            f"{key}: {noted.get(key)!r} there, {asked.get(key)!r} now"
            for key in sorted(noted.keys() | asked.keys())
            if noted.get(key) != asked.get(key)
        ]
        if differ:
            raise ValueError(
                listed(
                    f"{self.path} was begun with other settings: name a new folder, or delete it",
                    differ,
                )
            )


def shards(
    batches: Iterable[FeatureRows], opened: OpenedSplit, kinds: Sequence[str], *, size: int
) -> Iterator[tuple[int, Columns, FeatureRows]]:
    """Yields (number of the file, columns, features) of each file that the batches fill, in order.

    batches: of `features.FeatureExtractor`, beginning with a file's first video. columns: `index`,
    `id`, `path`, `label`, `class_name`, `problem` ("" where there is none). Of videos of several
    classes `label` says of each class whether it is there, and the names have ; between them.
    """
    source, ids = opened.source, opened.ids
    # Videos come in the order of the list, so those of a file follow each other. Only one file's
    # features are in memory at a time.
    for number, group in itertools.groupby(_videos(batches), lambda video: video[0] // size):
        videos = list(group)
        index = np.array([i for i, _, _ in videos])
        labels = ground_truth(source)[index]
        paths = [printable(source.name(i)) for i in index]
        columns = {
            "index": index,
            "id": paths if ids is None else [printable(ids[i]) for i in index],
            "path": paths,
            "label": labels,
            "class_name": [printable(_names(opened.class_names, label)) for label in labels],
            "problem": [problem for _, problem, _ in videos],
        }
        features = {kind: np.stack([rows[kind] for _, _, rows in videos]) for kind in kinds}
        yield number, {name: np.asarray(x) for name, x in columns.items()}, features


def _names(class_names: Sequence[str], label: np.ndarray) -> str:
    """The names of a video's classes, with ; between them. label: int [], or bool [k]."""
    numbers: list[int] = np.flatnonzero(label).tolist() if label.ndim else [int(label)]
    return ";".join(class_names[number] for number in numbers)


def _videos(batches: Iterable[FeatureRows]) -> Iterator[tuple[int, str, FeatureRows]]:
    """Yields (number, problem, features) of each video; with a problem, features are NaN."""
    for rows in batches:
        index, mask, bad = rows["index"], rows["mask"], rows["bad"]
        # Rows of index -1 fill the last batch up.
        for row in np.flatnonzero(index >= 0):
            problem = "" if mask[row] else Reason(int(bad[row, 0, 1])).sentence
            values = {kind: x[row] for kind, x in rows.items() if kind in KINDS}
            if problem:
                values = {kind: np.full_like(x, np.nan) for kind, x in values.items()}
            yield int(index[row]), problem, values


def _npz(path: Path, columns: Columns, features: FeatureRows) -> None:
    # An open file, since NumPy adds a suffix to names.
    with path.open("wb") as file:
        np.savez(file, **columns, **features)  # type: ignore[arg-type]


def _parquet(path: Path, columns: Columns, features: FeatureRows) -> None:
    """Writes features as Arrow's fixed-shape tensors, which other readers take for lists.

    They are null for a video with a problem.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    bad = columns["problem"] != ""
    arrays = {name: pa.array(x.tolist()) for name, x in columns.items()}
    for kind, x in features.items():
        # One flat buffer: as lists of Python, patches would take many times their size.
        tensor = pa.fixed_shape_tensor(pa.float32(), x.shape[1:])
        values = pa.array(x.reshape(-1))
        storage = pa.FixedSizeListArray.from_arrays(
            values, type=tensor.storage_type, mask=pa.array(bad)
        )
        arrays[kind] = pa.ExtensionArray.from_storage(tensor, storage)
    pq.write_table(pa.table(arrays), plain_name(path))

"""A split of prepared videos as a source, read at random from its ArrayRecord shards."""

import io
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from etils import epath

from ila_jax.data.class_names.classes import composed
from ila_jax.data.sources.prepared_layout import INFO, index_path
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.data.sources.tfds_package import require_tfds
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.files.plain_name import plain_name
from ila_jax.files.publish import is_local


def open_prepared(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The split `prepared:REST`, where REST is DIR@SPLIT. root is of no use here.

    class_names: None takes those that the videos were prepared with.
    Errors: FileNotFoundError; ValueError for anything else, such as other class names.
    """
    directory, _, split = rest.rpartition("@")
    if not directory or not split:
        raise ValueError(
            f"prepared:{rest} names no split: expected prepared:DIR@SPLIT, such as "
            f"prepared:{directory or rest}@train"
        )
    source = PreparedSource(directory, split)
    names = source.class_names
    # Composed: folders were once prepared with names as a Mac spells them.
    own = tuple(map(composed, names))
    given = own if class_names is None else tuple(map(composed, class_names))
    if given != own:
        pairs = enumerate(itertools.zip_longest(own, given))
        k, (ours, theirs) = next((k, pair) for k, pair in pairs if pair[0] != pair[1])
        raise ValueError(
            f"{directory} was prepared with other class names: class {k} is {ours!r} there and "
            f"{theirs!r} of those given. Give none, which takes those it was prepared with"
        )
    return OpenedSplit(source, names, source.ids())


class PreparedSource:
    """The videos of a split as `ila_jax.data.prepare` wrote them, in the order of their source."""

    targets: np.ndarray | None = None  # one class of each video is all that shards hold

    def __init__(self, directory: str, split: str) -> None:
        """Errors: FileNotFoundError; ValueError for a folder that is not one of prepared videos."""
        self._directory, self._split = directory, split
        self._open()

    def _open(self) -> None:
        # Checked first: what TFDS and NumPy say of a folder that is not there, or not finished, is
        # no help.
        path = epath.Path(self._directory)
        # Nor is it said that a folder is damaged where the package is missing that reads it.
        require_tfds("prepared:")
        _check(path, self._split)
        try:
            builder = _builder(path)
            self.class_names: tuple[str, ...] = tuple(builder.info.features["label"].names)
            self._records: Any = builder.as_data_source(split=self._split)
            # From the index beside the shards: the records hold the same, behind their videos.
            with np.load(io.BytesIO(index_path(path, self._split).read_bytes())) as index:
                self._labels: np.ndarray = index["label"]
                self._ids: bytes = index["ids"].tobytes()
        except Exception as error:  # protobuf, json, zipfile, zlib and numpy each have their own
            raise _damaged(self._directory, error) from error
        # One string of bytes and where its names end: so many strings are slow to make.
        self._ends = np.flatnonzero(np.frombuffer(self._ids, np.uint8) == 0)
        if not len(self._labels) == len(self._ends) == len(self._records):
            raise ValueError(
                f"{self._directory} does not fit together: its index lists {len(self._labels)} "
                f"{self._split} videos, its shards hold {len(self._records)}. Check it with "
                f"python -m ila_jax.data.prepare --verify {self._directory}"
            )

    @property
    def labels(self) -> np.ndarray:
        """The class of every video: int32 [n]."""
        return self._labels

    def __len__(self) -> int:
        return len(self._labels)

    def name(self, index: int) -> str:
        """The id of a video in the source that it was prepared from."""
        start = self._ends[index - 1] + 1 if index else 0
        return self._ids[start : self._ends[index]].decode(errors="surrogateescape")

    def ids(self) -> list[str]:
        """The names of all videos."""
        names = self._ids.decode(errors="surrogateescape").split("\0")
        return names[:-1]  # each ends with a zero, so that nothing follows the last

    def read(self, index: int) -> bytes:
        """The bytes of a prepared mp4 file. Errors: BadVideo where its record is damaged."""
        try:
            video: bytes = self._records[index]["video"]
        except RuntimeError as error:  # what ArrayRecord raises, checksums that fail among it
            message = str(error).splitlines()[0]
            raise BadVideo(Reason.UNREADABLE, f"ArrayRecord: {message}.") from None
        return video

    def __getstate__(self) -> tuple[str, str]:
        return self._directory, self._split  # open files stay in their process, and are reopened

    def __setstate__(self, state: tuple[str, str]) -> None:
        self._directory, self._split = state
        self._open()


def _damaged(directory: str | epath.Path, error: Exception) -> ValueError:
    """The error for a folder whose description or index cannot be read."""
    return ValueError(
        f"the description or the index in {directory} is damaged ({error}): copy the folder anew; "
        f"python -m ila_jax.data.prepare --verify {directory} reads all of it"
    )


def _check(path: epath.Path, split: str) -> None:
    """Errors: FileNotFoundError; ValueError for a folder without this split of prepared videos."""
    if not is_local(path):
        raise ValueError(
            f"{path} is not on a disk, where ArrayRecord can read at random: copy it (gcloud "
            "storage rsync -r, aws s3 sync) or mount it, and name that folder"
        )
    if not path.is_dir():
        raise FileNotFoundError(f"{path} does not exist: expected a folder of prepared videos")
    if not (path / INFO).exists():
        raise ValueError(
            f"{path} holds no finished data set: expected a folder that python -m "
            "ila_jax.data.prepare has made; if it was stopped, start it again and it goes on"
        )
    # That the folder is one of TFDS does not say that it has this split, or its index.
    try:
        splits = _builder(path).info.splits
    except Exception as error:  # as above
        raise _damaged(path, error) from error
    if split not in splits or not index_path(path, split).exists():
        have = ", ".join(name for name in splits if index_path(path, name).exists())
        raise ValueError(
            f"{path} has no prepared split {split!r}: " + (f"it has {have}" if have else "it was "
            "not written by python -m ila_jax.data.prepare (a data set of TFDS is read as tfds:)")
        )  # fmt: skip


def _builder(path: epath.Path) -> Any:
    """What TFDS makes of a folder that it wrote."""
    return require_tfds("prepared:").builder_from_directory(plain_name(path))

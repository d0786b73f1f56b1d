"""Where videos come from: the seam at which every kind of data set plugs in."""

import os
import stat
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np

from ila_jax.data import limits
from ila_jax.data.annotations import Example
from ila_jax.data.bad import BadVideo, Reason, is_everyones


class VideoSource(Protocol):
    """Numbered, labelled videos. A source is sent to worker processes, so it must pickle."""

    @property
    def labels(self) -> np.ndarray:
        """Class of every video: int32 [n]."""
        ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a person knows video `index` by: its path or its key."""
        ...

    def read(self, index: int) -> bytes:
        """The bytes of the encoded file. Errors: BadVideo where there are none to be had."""
        ...


@dataclass(frozen=True)
class Opened:
    """A split that can be read.

    ids: of every video, the same wherever its file lies; None where names are already that. notes:
    sentences about what was left out, or is not as one would expect, and stops nothing.
    """

    source: VideoSource
    class_names: tuple[str, ...]
    ids: Sequence[str] | None = None
    notes: Sequence[str] = ()


class ListSource:
    """Files by their paths."""

    def __init__(self, examples: Sequence[Example]) -> None:
        # One string of bytes: as many strings, 240,000 paths are slow to send to a worker.
        paths = [os.fsencode(e.path) for e in examples]
        self._paths = b"".join(paths)
        self._ends = np.cumsum([len(path) for path in paths], dtype=np.int64)
        self._labels = np.array([e.label for e in examples], np.int32)

    @property
    def labels(self) -> np.ndarray:
        return self._labels

    def __len__(self) -> int:
        return len(self._labels)

    def name(self, index: int) -> str:
        end = self._ends[index]  # which also refuses an index that is too large
        start = self._ends[index - 1] if index else 0
        return os.fsdecode(self._paths[start:end])

    def read(self, index: int) -> bytes:
        return read_file(self.name(index))


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an encoded file. Errors: BadVideo."""
    try:
        with readable(path) as file:
            size = os.fstat(file.fileno()).st_size
            limits.check_bytes(size)
            data = file.read(size or limits.MAX_BYTES + 1)  # and no more, of a file that grows
    except OSError as error:
        raise _bad(error) from None
    if not data:
        raise BadVideo(Reason.EMPTY)
    return data


def on_disk(path: str | os.PathLike[str]) -> tuple[str, os.stat_result]:
    """A path as the disk spells it, and what is there. Errors: OSError, ValueError.

    A list from a Mac may write `é` as two characters where the disk has one, or the other way; one
    from Windows has `\\` between names.
    """
    path = os.fspath(path)
    try:
        return path, os.stat(path)
    except FileNotFoundError:
        for other in _spellings(path):
            if other != path and os.path.exists(other):
                return other, os.stat(other)
        raise


def _spellings(path: str) -> list[str]:
    slashes = path if os.sep == "\\" else path.replace("\\", "/")
    if path.isascii():
        return [slashes]
    return [unicodedata.normalize(form, p) for p in (path, slashes) for form in ("NFC", "NFD")]


def readable(path: str | os.PathLike[str]) -> BinaryIO:
    """An opened file, to be closed. Errors: BadVideo."""
    try:
        path, about = on_disk(path)
        mode = about.st_mode
        # Before it is opened: opening a pipe waits for a writer, a device may act on it.
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise BadVideo(Reason.NOT_A_FILE)
        return open(path, "rb")
    except BadVideo:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise BadVideo(Reason.MISSING) from None
    except IsADirectoryError:
        raise BadVideo(Reason.DIRECTORY) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise _bad(error) from None


def _bad(error: OSError | ValueError) -> BadVideo | OSError | ValueError:
    """A file that cannot be read is at fault, unless no file can be opened any more."""
    return error if is_everyones(error) else BadVideo(Reason.UNREADABLE, str(error))

"""Writes files that bear their name only when they are whole, on disks and on object stores."""

import errno
import glob
import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from etils import epath

# Names of files that are being written begin with this. The dot hides them from shells' patterns.
PARTIAL = ".partial-"
# What systems answer that cannot sync a folder, or where it may be written to but not read.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EACCES)

_Result = TypeVar("_Result")


def is_local(path: str | os.PathLike[str]) -> bool:
    """Whether a path is on a disk of this machine, or mounted like one, rather than `gs://`."""
    return "://" not in os.fspath(path)


def publish(target: str | os.PathLike[str], write: Callable[[Path], object]) -> tuple[int, str]:
    """Lets `write` make a file, and gives it its name; returns its (bytes, sha256).

    A disk gets it as `publish_on_disk` says. For a store it is written to a temporary folder and
    sent, which stores do in one piece or not at all. Errors: OSError.
    """

    def write_and_sum(scratch: Path) -> tuple[int, str]:
        write(scratch)
        return checksum(scratch)

    if is_local(target):
        return publish_on_disk(Path(target), write_and_sum)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / epath.Path(target).name
        size, digest = write_and_sum(scratch)
        epath.Path(target).write_bytes(scratch.read_bytes())
    return size, digest


def publish_bytes(target: str | os.PathLike[str], data: bytes) -> tuple[int, str]:
    """`publish` of a file with these bytes; returns their number and their sha256."""
    return publish(target, lambda scratch: scratch.write_bytes(data))


def publish_on_disk(target: Path, write: Callable[[Path], _Result]) -> _Result:
    """Lets `write` make a file, gives it its name, and returns what `write` returned.

    A power cut at any moment leaves the file that had the name before, or the whole new one; once
    this returns, it is the new one. Errors: OSError, and what `write` raises; then no file is left
    of it.
    """
    with renamed_when_whole(target) as scratch:
        result = write(scratch)
        # Before the name: a disk may keep the rename and lose the bytes, which would leave an
        # empty file in the place of the good one.
        sync(scratch)
    # The name is in the folder, not in the file. Whoever deletes what the file was made from does
    # it after this.
    sync_folder(target.parent)
    return result


def publish_text(target: Path, text: str) -> None:
    """`publish_on_disk` of a file with this text, in UTF-8. Errors: OSError."""
    publish_on_disk(target, lambda scratch: scratch.write_text(text, encoding="utf-8"))


@contextmanager
def renamed_when_whole(target: Path) -> Iterator[Path]:
    """Gives the name under which to write a file, which gets its own name at the end.

    After a kill there is the file as it was before, or the new one. After a power cut there may be
    neither: what must outlive one is written by `publish_on_disk`. Errors: OSError.
    """
    # Two processes may write the same file, and libraries choose a format by the end of the name.
    scratch = target.with_name(f"{PARTIAL}{uuid.uuid4().hex[:8]}-{target.name}")
    try:
        yield scratch
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file's bytes, or the names in a folder, are on the disk. Errors: OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk, where its file system can do that.

    Errors: OSError, of a disk that fails.
    """
    try:
        sync(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def sync_tree(folder: Path) -> None:
    """Waits until all files below a folder, and their names, are on the disk. Errors: OSError."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            sync(path)


def checksum(path: os.PathLike[str]) -> tuple[int, str]:
    """(bytes, sha256 in hexadecimal) of a file, which is on the disk when this returns."""
    with epath.Path(path).open("rb") as file:
        if is_local(path):
            os.fsync(file.fileno())
        digest = hashlib.sha256()
        size = 0
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def remove_partial(directory: os.PathLike[str], name: str | None = None) -> None:
    """Removes what a killed process was writing. Only where no other one is at work.

    name: the name that the file was to have; None removes those of all files of the folder.
    """
    ending = "" if name is None else f"-{glob.escape(name)}"
    for path in epath.Path(directory).glob(f"{PARTIAL}*{ending}"):
        path.unlink(missing_ok=True)

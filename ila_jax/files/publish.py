"""Files that bear their name only when they are whole, on disks and on object stores alike."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from etils import epath

PARTIAL = ".partial-"  # in the names of files that are being written


def is_local(path: str | os.PathLike[str]) -> bool:
    """Whether a path is on a disk of this machine, or mounted like one, rather than `gs://`."""
    return "://" not in os.fspath(path)


def publish(target: epath.Path, write: Callable[[Path], None]) -> tuple[int, str]:
    """Lets `write` make a file, and gives it its name; returns its (bytes, sha256).

    On a disk the file is written beside its place and renamed, for a store it is written to a
    temporary folder and sent, which stores do in one piece or not at all. Errors: OSError.
    """
    beside = target.parent if is_local(target) else None
    descriptor, name = tempfile.mkstemp(prefix=f"{PARTIAL}{target.name}-", dir=beside)
    scratch = Path(name)
    try:
        os.close(descriptor)
        write(scratch)
        size, digest = checksum(scratch)
        if beside is None:
            target.write_bytes(scratch.read_bytes())
        else:
            scratch.chmod(0o644)  # mkstemp's are for the owner alone
            os.replace(scratch, target)
        return size, digest
    finally:
        scratch.unlink(missing_ok=True)


def publish_bytes(target: epath.Path, data: bytes) -> tuple[int, str]:
    return publish(target, lambda path: _write_all(path, data))


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


def remove_partial(directory: epath.Path) -> None:
    """Removes what a killed process was writing. Only where no other one is at work."""
    for path in directory.glob(f"{PARTIAL}*"):
        path.unlink(missing_ok=True)


def _write_all(path: Path, data: bytes) -> None:
    path.write_bytes(data)

"""Tells a folder that a live process is filling from the leftover of a killed one."""

import glob
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ila_jax.files.lock import try_lock

# At the end of the lock's name. The lock is held before the folder is made, so that a folder
# without one is always a leftover.
_LOCK = ".lock"


@contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """Gives the hidden name of a folder to fill and to rename to `target`.

    At the end nothing is left under the hidden name. A kill leaves the folder, and
    `remove_leftovers` removes it. Errors: OSError.
    """
    partly = target.with_name(f".{target.name}.partial-{uuid.uuid4().hex[:8]}")
    partly.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock_of(partly)
    with lock.open("w") as file:
        # Some network file systems have no locks: there, every folder found counts as in use.
        with suppress(OSError):
            try_lock(file)
        try:
            yield partly
        finally:
            shutil.rmtree(partly, ignore_errors=True)
            lock.unlink(missing_ok=True)


def remove_leftovers(target: Path) -> None:
    """Removes what killed processes left of making `target`, and no folder that is being filled."""
    for partly in target.parent.glob(f".{glob.escape(target.name)}.partial-*"):
        if partly.is_dir() and not _is_at_work(partly):
            shutil.rmtree(partly, ignore_errors=True)
            _lock_of(partly).unlink(missing_ok=True)


def _is_at_work(partly: Path) -> bool:
    """Whether a process holds the lock of a folder; True where the file system cannot say."""
    try:
        with _lock_of(partly).open("r+") as file:
            return not try_lock(file)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _lock_of(partly: Path) -> Path:
    """The file that is locked while a folder is being filled.

    It is next to the folder and not in it, since the folder is renamed when it is whole.
    """
    return partly.with_name(partly.name + _LOCK)

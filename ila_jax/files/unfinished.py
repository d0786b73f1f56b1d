"""Folders that are being made under a hidden name: one at work is told from what a kill left."""

import glob
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ila_jax.files.lock import try_lock

_LOCK = ".lock"  # after the folder's name; there, and held, before the folder is


@contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """The hidden name of a folder to fill and rename to `target`; nothing is left of it after.

    A kill leaves it, and `remove_leftovers` takes it away. Errors: OSError.
    """
    partly = target.with_name(f".{target.name}.partial-{uuid.uuid4().hex[:8]}")
    partly.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock_of(partly)
    with lock.open("w") as file:
        with suppress(OSError):  # some network file systems have no locks
            try_lock(file)
        try:
            yield partly
        finally:
            shutil.rmtree(partly, ignore_errors=True)
            lock.unlink(missing_ok=True)


def remove_leftovers(target: Path) -> None:
    """Removes what killed processes left of making `target`, and nothing that is at work."""
    for partly in target.parent.glob(f".{glob.escape(target.name)}.partial-*"):
        if partly.is_dir() and not _is_at_work(partly):
            shutil.rmtree(partly, ignore_errors=True)
            _lock_of(partly).unlink(missing_ok=True)


def _is_at_work(partly: Path) -> bool:
    try:
        with _lock_of(partly).open("r+") as file:
            return not try_lock(file)
    except FileNotFoundError:  # the lock is there before the folder is
        return False
    except OSError:  # not ours to judge
        return True


def _lock_of(partly: Path) -> Path:
    return partly.with_name(partly.name + _LOCK)

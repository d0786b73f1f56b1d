"""One writer for a folder: the same command typed twice must not mix up what is in it."""

import errno
import fcntl
from pathlib import Path
from typing import TextIO


def only_writer(folder: Path, otherwise: str) -> TextIO:
    """Holds the folder until the file is closed or the process ends.

    Errors: ValueError, with the words of `otherwise`, when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            lock.close()
            raise ValueError(otherwise) from error
        # Some network file systems have no locks: then it is the user who sees to it.
    return lock

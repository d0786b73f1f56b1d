"""Locks files and folders until a process ends, however it ends: the system then unlocks them."""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TextIO


def try_lock(file: TextIO | int) -> bool:
    """Locks an open file or folder for this process; returns False when another one holds it.

    The lock is given up when the file is closed or the process ends. Errors: OSError where the
    file system has no locks.
    """
    # POSIX's locks reach across network file systems, but want a file that is open for writing,
    # which no folder can be: a folder takes BSD's.
    is_folder = stat.S_ISDIR(os.fstat(file if isinstance(file, int) else file.fileno()).st_mode)
    lock = fcntl.flock if is_folder else fcntl.lockf
    try:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):  # POSIX permits either
            return False
        raise
    return True


def only_writer(folder: Path, otherwise: str) -> TextIO:
    """Holds a folder until the returned file is closed or the process ends.

    The same command typed twice must not mix up what is in the folder, which is made if it does
    not exist. Errors: ValueError, with the message `otherwise`, when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("w")
    with suppress(OSError):  # some network file systems have no locks: the user sees to it there
        if not try_lock(file):
            file.close()
            raise ValueError(otherwise)
    return file

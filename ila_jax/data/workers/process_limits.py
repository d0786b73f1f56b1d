"""Checks that the system allows this many loading processes, before any is started."""

import os
import resource
import shutil
from pathlib import Path

# What a loading process of Grain takes in the process that starts it (measured with Grain 0.2.18 on
# Linux, 1 to 4 processes): open files, at most, and semaphores, each of a page of shared memory.
_FILES = 12
_SEMAPHORES = 25
_OTHER_FILES = 16  # that the run opens besides
_SHARED = Path("/dev/shm")


def check_processes(count: int, whose: str = "") -> None:
    """Checks that the system allows `count` loading processes.

    whose: appended to the count in errors, such as whose they are. Errors: OSError with a message
    that says what they need at a time, what there is, and what to do.
    """
    what = f"{count} loading processes{whose}"
    _check_files(count, what)
    # Containers have 64 MB of it by default; macOS has no such folder.
    if _SHARED.is_dir():
        _check_shared(count, what)


def _check_files(count: int, what: str) -> None:
    """Errors: OSError where fewer files may be opened than they need."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used, need = _open_files(), _FILES * count + _OTHER_FILES
    # Beyond its limit, a process fails in whatever next opens a file, which says nothing of why.
    if limit != resource.RLIM_INFINITY and used + need > limit:
        raise OSError(
            f"{what} need about {need} open files besides the {used} that are "
            f"open, and this process may have {limit}: raise the limit (ulimit -n {used + need}, "
            "or more), or take fewer processes (data.processes, --processes; 0 loads by threads)"
        )


def _check_shared(count: int, what: str) -> None:
    """Errors: OSError where the semaphores do not fit into shared memory."""
    need, free = count * _SEMAPHORES * resource.getpagesize(), shutil.disk_usage(_SHARED).free
    if need > free:
        raise OSError(
            f"{what} need about {need / 1e6:.1f} MB of shared memory, and "
            f"{_SHARED} has {free / 1e6:.1f} MB free: enlarge it (docker run --shm-size=64m), or "
            "take fewer processes (data.processes, --processes; 0 loads by threads)"
        )


def _open_files() -> int:
    """The number of files that this process has open; 0 where the system does not say."""
    # Linux has the first of the two, macOS the second.
    folder = next((path for path in ("/proc/self/fd", "/dev/fd") if os.path.isdir(path)), None)
    return 0 if folder is None else len(os.listdir(folder))

"""Whether the system lets so many loading processes start, before they are started."""

import os
import resource
import shutil
from pathlib import Path

# Of a loading process of Grain, in the process that starts it (measured with Grain 0.2.18 on Linux,
# 1 to 4 processes): open files, at most, and semaphores, each of a page of shared memory.
_FILES = 12
_SEMAPHORES = 25
_OTHER_FILES = 16  # that the run opens besides
_SHARED = Path("/dev/shm")


def check_processes(count: int, whose: str = "") -> None:
    """Errors: OSError in words, of what so many need at a time and what there is.

    whose: of whom, after their number in the words.
    """
    what = f"{count} loading processes{whose}"
    _check_files(count, what)
    if _SHARED.is_dir():
        _check_shared(count, what)


def _check_files(count: int, what: str) -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used, need = _open_files(), _FILES * count + _OTHER_FILES
    if limit != resource.RLIM_INFINITY and used + need > limit:
        raise OSError(
            f"{what} need about {need} open files besides the {used} that are "
            f"open, and this process may have {limit}: raise the limit (ulimit -n {used + need}, "
            "or more), or take fewer processes (data.processes, --processes; 0 loads by threads)"
        )


def _check_shared(count: int, what: str) -> None:
    need, free = count * _SEMAPHORES * resource.getpagesize(), shutil.disk_usage(_SHARED).free
    if need > free:
        raise OSError(
            f"{what} need about {need / 1e6:.1f} MB of shared memory, and "
            f"{_SHARED} has {free / 1e6:.1f} MB free: enlarge it (docker run --shm-size=64m), or "
            "take fewer processes (data.processes, --processes; 0 loads by threads)"
        )


def _open_files() -> int:
    folder = next((path for path in ("/proc/self/fd", "/dev/fd") if os.path.isdir(path)), None)
    return 0 if folder is None else len(os.listdir(folder))

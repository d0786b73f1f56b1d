"""Memory that a command has freed stays with it, and the next step takes it again.

XLA allocates the working memory of a program anew for every call on a CPU, a few GiB for a training
step. glibc asks the system for each large piece and gives it back when it is freed, and the system
clears every page of it again: a fifth of the time of a small model's step, 6 % of B/32's.
"""

import ctypes
import gc
import os
import platform

# Parameters of mallopt (mallopt(3)), and what they are set to.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_SETTINGS = {
    # One heap, as those of other threads take no piece that is above 64 MiB.
    _ARENA_MAX: 1,
    # No piece is mapped by itself, and so none is unmapped.
    _MMAP_MAX: 0,
    # The end of the heap is not given back, and grows in larger steps.
    _TRIM_THRESHOLD: -1,
    _TOP_PAD: 64 << 20,
}


def keep_freed_memory() -> None:
    """Makes glibc keep what is freed, for the whole process; to be called before jax is imported.

    It does nothing on another C library, or where the user has set glibc's allocator by its own
    variables of the environment.
    """
    is_set = any(name.startswith("MALLOC_") for name in os.environ)
    is_tuned = "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if platform.libc_ver()[0] != "glibc" or is_set or is_tuned:
        return
    libc = ctypes.CDLL(None)
    for parameter, value in _SETTINGS.items():
        libc.mallopt(parameter, value)


def give_back_freed_memory() -> None:
    """Gives the system what is freed by now, also between what is in use.

    For what has taken much memory and does not come again: a compilation leaves 0.5 to 1 GiB, in
    pieces into which no program's working memory fits. On another C library it only frees.
    """
    gc.collect()  # what nothing but itself refers to
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)

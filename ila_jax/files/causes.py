"""Explains errors of the system: what it refused, and what to do."""

import errno
import os
import re
import resource
from collections.abc import Iterator

_ADVICE = {
    "ENOSPC": "no space is left on the device: make room",
    "EDQUOT": "the quota of this user on the device is used up: make room, or have it raised",
    "EROFS": "the file system is read-only: name a folder elsewhere, or mount it for writing",
    "EACCES": "permission is denied: name another place, or give this user the right to it",
    "EPERM": "the system does not permit it: name another place, or give this user the right to it",
    "EFBIG": "the file would be larger than may be written (ulimit -f, or the file system's limit)",
    "ENAMETOOLONG": "the path is too long for the file system: name a shorter one",
    "EIO": "the device fails to read or write: repair or replace it",
    "ESTALE": "the network file system has lost the file: mount it again",
    "ENOTDIR": "a part of the path is a file, where a folder is expected",
    "ELOOP": "the path leads in a circle of links: repair them",
}
_MEANINGS = {getattr(errno, name): text for name, text in _ADVICE.items() if hasattr(errno, name)}
# Their messages say what the limit is, which is read when an error occurs.
_TOO_MANY = (errno.EMFILE, errno.ENFILE)
_USED_UP = (*_TOO_MANY, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# Python's own message: its RuntimeError has no number.
_NO_THREAD = "can't start new thread"


def cause(error: BaseException) -> str | None:
    """Why the system refused and what to do, as a message; None where no reason is known.

    Libraries wrap the system's error in one of their own, or put it into a text: both are searched.
    """
    # From the outermost inwards: the first that has a number is nearest to what was tried.
    for cause_of in _chain(error):
        if isinstance(cause_of, UnicodeEncodeError):
            return "a name in the path is not UTF-8: rename it, or name another place"
        if (meaning := _meaning(_number(cause_of))) is not None:
            return meaning
        if _NO_THREAD in str(cause_of):
            return _no_thread()
    return None


def error_message(error: BaseException) -> str:
    """An error as a sentence: what it is about, and its cause where that is known.

    Errors of this package are such sentences already; they have no `errno`.
    """
    reason = cause(error)
    if reason is None or reason in str(error):
        return str(error)
    if not isinstance(error, OSError):
        return f"{error} ({reason})" if is_used_up(error) else str(error)
    if error.errno is None:
        return str(error)
    # What the system calls a file may be a number: 0 to 2 are the terminal.
    return reason if error.filename is None else f"{error.filename}: {reason}"


def is_used_up(error: BaseException) -> bool:
    """Whether room, files or threads that are used up are behind an error, whoever says so."""
    return any(
        _NO_THREAD in str(cause_of) or _number(cause_of) in _USED_UP for cause_of in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yields an error, and then those that it was raised from, or while they were handled."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _meaning(number: int | None) -> str | None:
    """What a number of the system means and what to do; None for others."""
    if number in _TOO_MANY:
        return _too_many_files()
    return None if number is None else _MEANINGS.get(number)


def _number(error: BaseException) -> int | None:
    """The system's number of an error, its own or one in its text."""
    own = error.errno if isinstance(error, OSError) else None
    return _number_in(str(error)) if own is None else own


def _number_in(text: str) -> int | None:
    """The number of the error that a library's text ends with, or quotes from the system.

    TensorStore and Arrow have errors of their own, and only say in them what the system said.
    """
    if match := re.search(r"\b(?:OS error|[Ee]rrno:?) (\d+)\b", text):
        return int(match[1])
    numbers = (*_MEANINGS, *_TOO_MANY)
    return next((number for number in numbers if os.strerror(number) in text), None)


def _too_many_files() -> str:
    """The limit of open files, and the command that raises it as far as this user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        f"too many files are open: this process may have {soft} open at a time. Raise the limit "
        f"(ulimit -n {min(max(4096, soft), hard) if hard > soft else 4096}), or take fewer threads "
        "and processes for reading"
    )


def _no_thread() -> str:
    """The limit of threads, as far as this process can see it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    allowed = "as many as allowed" if soft == resource.RLIM_INFINITY else f"{soft} allowed"
    return (
        f"no thread can be started any more ({allowed} to this user, ulimit -u; a container may "
        "have a limit of its own): raise the limit, or take fewer threads and processes"
    )


def memory_limit() -> str:
    """The limit of this process's addresses, in brackets; "" where it has none."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return ""
    return f" (this process may have {soft / 1e9:.1f} GB of addresses: raise it by ulimit -v)"

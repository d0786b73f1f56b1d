"""Reads the bytes of a video file, or gives the reason why it cannot.

This is the one place that opens video files: whatever a path leads to, a reader neither hangs on it
nor takes more of it into memory than is allowed.
"""

import os
import stat
import unicodedata
from typing import BinaryIO

from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason, is_out_of_files


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an encoded file. Errors: BadVideo."""
    try:
        with open_readable(path) as file:
            size = os.fstat(file.fileno()).st_size
            limits.check_bytes(size)
            # No more than the size, of a file that still grows. A size of 0 may be wrong: files
            # under /proc have it, and are read up to one byte too many.
            data = file.read(size or limits.MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(error) from None
    if not data:
        raise BadVideo(Reason.EMPTY)
    return data


def find_on_disk(path: str | os.PathLike[str]) -> tuple[str, os.stat_result]:
    """A path as the disk spells it, and the status of its file. Errors: OSError, ValueError.

    A list from a Mac may write `é` as two characters where the disk has one, or the other way; one
    from Windows has `\\` between names.
    """
    path = os.fspath(path)
    try:
        return path, os.stat(path)
    except FileNotFoundError:
        # Only now: nearly all paths are spelled right, and cost one look at the disk.
        for other in _spellings(path):
            if other != path and os.path.exists(other):
                return other, os.stat(other)
        raise


def _spellings(path: str) -> list[str]:
    slashes = path if os.sep == "\\" else path.replace("\\", "/")
    if path.isascii():
        return [slashes]
    return [unicodedata.normalize(form, p) for p in (path, slashes) for form in ("NFC", "NFD")]


def open_readable(path: str | os.PathLike[str]) -> BinaryIO:
    """An opened file, which the caller closes. Errors: BadVideo."""
    try:
        path, status = find_on_disk(path)
        mode = status.st_mode
        # Before it is opened: opening a pipe waits for a writer, a device may act on it.
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise BadVideo(Reason.NOT_A_FILE)
        return open(path, "rb")
    except BadVideo:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise BadVideo(Reason.MISSING) from None
    except IsADirectoryError:
        raise BadVideo(Reason.DIRECTORY) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise _unreadable(error) from None


def _unreadable(error: OSError | ValueError) -> BadVideo | OSError | ValueError:
    """The error for a file that cannot be read: BadVideo, unless no file can be opened any more."""
    return error if is_out_of_files(error) else BadVideo(Reason.UNREADABLE, str(error))

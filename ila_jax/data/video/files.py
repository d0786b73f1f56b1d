"""The bytes of a video file, or the reason why there are none to be had."""

import os
import stat
import unicodedata
from typing import BinaryIO

from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason, is_everyones


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an encoded file. Errors: BadVideo."""
    try:
        with readable(path) as file:
            size = os.fstat(file.fileno()).st_size
            limits.check_bytes(size)
            data = file.read(size or limits.MAX_BYTES + 1)  # and no more, of a file that grows
    except OSError as error:
        raise _bad(error) from None
    if not data:
        raise BadVideo(Reason.EMPTY)
    return data


def on_disk(path: str | os.PathLike[str]) -> tuple[str, os.stat_result]:
    """A path as the disk spells it, and what is there. Errors: OSError, ValueError.

    A list from a Mac may write `é` as two characters where the disk has one, or the other way; one
    from Windows has `\\` between names.
    """
    path = os.fspath(path)
    try:
        return path, os.stat(path)
    except FileNotFoundError:
        for other in _spellings(path):
            if other != path and os.path.exists(other):
                return other, os.stat(other)
        raise


def _spellings(path: str) -> list[str]:
    slashes = path if os.sep == "\\" else path.replace("\\", "/")
    if path.isascii():
        return [slashes]
    return [unicodedata.normalize(form, p) for p in (path, slashes) for form in ("NFC", "NFD")]


def readable(path: str | os.PathLike[str]) -> BinaryIO:
    """An opened file, to be closed. Errors: BadVideo."""
    try:
        path, about = on_disk(path)
        mode = about.st_mode
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
        raise _bad(error) from None


def _bad(error: OSError | ValueError) -> BadVideo | OSError | ValueError:
    """A file that cannot be read is at fault, unless no file can be opened any more."""
    return error if is_everyones(error) else BadVideo(Reason.UNREADABLE, str(error))

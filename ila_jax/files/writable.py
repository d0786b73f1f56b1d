"""Checks that a command can write where it is to, before it works for hours."""

import os
import shutil
import tempfile
from pathlib import Path

from ila_jax.files.causes import cause


def check_writable(folder: Path) -> None:
    """Tries whether a folder, which may be yet to be made, can be written into.

    A file and a folder are made, renamed and deleted there; nothing is left of them. Errors:
    ValueError for a file in the place of a folder, or a link to nothing; OSError with a message
    that names the cause.
    """
    place = _nearest(folder)
    if not place.is_dir():
        subject = "it is" if place == folder else f"{place} is"
        raise ValueError(f"{folder} cannot be a folder: {subject} a file. Name a folder elsewhere")
    try:
        _try(place)
    except OSError as error:
        raise not_written(place, error, "Nothing was done") from error


def check_file(path: Path) -> None:
    """Tries whether a file can be written, also in a folder that is yet to be made.

    The file itself is left as it is. Errors: as `check_writable`.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name the file to write")
    # A rename would put a file in its place, and /dev/null would be gone for everybody.
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a device or a pipe: name a file to write")
    check_writable(path.absolute().parent)


def check_free_space(folder: Path, size: int, what: str) -> None:
    """Checks the free space on a file system. size: bytes that `what` takes.

    Errors: OSError where there is less.
    """
    place = _nearest(folder)
    free = shutil.disk_usage(place).free
    if free < size:
        raise OSError(
            f"{what} takes {size / 1e6:.1f} MB, and {place} has {free / 1e6:.1f} MB of free space: "
            "make room, or name a folder elsewhere. Nothing was done"
        )


def not_written(place: Path, error: BaseException, result: str) -> OSError:
    """Makes an error in writing one that names the place and the cause, to be raised.

    result: a sentence without a full stop that says what is on the disk now.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return OSError(f"{place} cannot be written to: {cause(error) or lines[0][:300]}. {result}")


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above that is there."""
    for place in (folder, *folder.absolute().parents):
        try:
            # Not `exists`, which says of a broken link, and of a folder without rights, that there
            # is nothing.
            os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise not_written(folder, error, "Nothing was done") from error
        if not os.path.exists(place):
            target = os.readlink(place)
            raise ValueError(
                f"{place} is a link to {target}, which is not there: make that folder, or name "
                "another one"
            )
        return place
    return Path("/")


def _try(place: Path) -> None:
    """Does in a folder of its own what commands do with their files. Errors: OSError."""
    # A right to make files is not one to rename or delete them: some object stores that are mounted
    # as folders cannot rename.
    trial = Path(tempfile.mkdtemp(prefix=".ila_jax-trial-", dir=place))
    try:
        inside = trial / "folder"
        inside.mkdir()
        (inside / "partly").write_bytes(b"is it written?")
        os.replace(inside / "partly", inside / "file")
        (inside / "file").unlink()
        os.replace(inside, trial / "renamed")
        (trial / "renamed").rmdir()
    finally:
        shutil.rmtree(trial, ignore_errors=True)

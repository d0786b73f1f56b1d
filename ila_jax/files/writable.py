"""Whether a command can write where it is told to, found out before it works for hours."""

import os
import shutil
import tempfile
from pathlib import Path

from ila_jax.files.causes import cause


def check_writable(folder: Path) -> None:
    """Makes, renames and deletes a file and a folder in a folder, or in the one it will be in.

    Nothing is left of it. Errors: ValueError for a file in the place of a folder, or a link to
    nothing; OSError in words.
    """
    place = _nearest(folder)
    if not place.is_dir():
        told = "it is" if place == folder else f"{place} is"
        raise ValueError(f"{folder} cannot be a folder: {told} a file. Name a folder elsewhere")
    try:
        _try(place)
    except OSError as error:
        raise not_written(place, error, "Nothing was done") from error


def check_file(path: Path) -> None:
    """The same for a file to write, whose folder may be missing. Errors: as `check_writable`."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name the file to write")
    if path.exists() and not path.is_file():  # it would be replaced, and /dev/null with it
        raise ValueError(f"{path} is a device or a pipe: name a file to write")
    check_writable(path.absolute().parent)


def check_room(folder: Path, size: int, what: str) -> None:
    """Errors: OSError where a file system has less room than what is to be written, in bytes."""
    place = _nearest(folder)
    free = shutil.disk_usage(place).free
    if free < size:
        raise OSError(
            f"{what} takes {size / 1e6:.1f} MB, and {place} has {free / 1e6:.1f} MB of free space: "
            "make room, or name a folder elsewhere. Nothing was done"
        )


def not_written(place: Path, error: BaseException, after: str) -> OSError:
    """An error in writing, by its cause. after: what there is now, without a full stop."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return OSError(f"{place} cannot be written to: {cause(error) or said[0][:300]}. {after}")


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above that is there."""
    for place in (folder, *folder.absolute().parents):
        try:
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

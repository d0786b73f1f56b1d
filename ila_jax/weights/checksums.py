"""Keeps checksums of a checkpoint's files, in a list that `sha256sum --check` understands.

Orbax keeps none: a flipped byte would be restored as if it had been trained. The list is written
last, when all other files are whole, so it is also the sign that a save was finished: a checkpoint
without a list does not count, and one with a list lacks nothing that the list names.
"""

import hashlib
import os
from pathlib import Path

from ila_jax.files.publish import publish_text

LIST = "checksums.sha256"


def write_list(folder: Path) -> None:
    """Lists every file below a checkpoint's folder, as the last file of a save. Errors: OSError."""
    publish_text(folder / LIST, _listing(folder))


def unfinished(folder: Path) -> str | None:
    """Why a checkpoint is not complete, as the end of a sentence; None where it is.

    Reads no file but the list, so that many checkpoints can be looked through.
    """
    try:
        lines = (folder / LIST).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return (
            f"has no {LIST}: it is being saved just now, its save was cut short, or it is from "
            "an earlier version"
        )
    except OSError as error:
        return f"cannot be read: {error}"
    names = [_name(line) for line in lines]
    missing = [name for name in names if not os.path.isfile(folder / name)]
    return f"lacks {', '.join(missing[:3])}" if missing else None


def damage(folder: Path) -> str | None:
    """What is wrong with a checkpoint; None when each byte is as it was written.

    The result is the end of a sentence that begins with the folder.

    Reads all of it.
    """
    if (problem := unfinished(folder)) is not None:
        return problem
    try:
        # Compared as a whole, so that the list needs no checksum of its own.
        saved_list = (folder / LIST).read_bytes().decode(errors="replace")
        current_list = _listing(folder)
    except OSError as error:
        return f"cannot be read: {error}"
    if saved_list == current_list:
        return None
    lines = set(saved_list.splitlines()) ^ set(current_list.splitlines())
    differ = sorted({_name(line) for line in lines})
    # No line differs where only the ends of lines do, and then the list itself is damaged.
    return f"is not as it was written, by its {LIST}: {', '.join(differ[:3]) or LIST}"


def _listing(folder: Path) -> str:
    """The text of the list, for the files as they are now: reads all of them."""
    # Hidden files are not ours: NFS keeps deleted ones under such names, file managers theirs.
    files = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    names = sorted(str(path.relative_to(folder)) for path in files)
    return "".join(f"{_checksum(folder / name)}  {name}\n" for name in names if name != LIST)


def _name(line: str) -> str:
    """The name of the file in a line; all of the line where it is damaged itself."""
    return line.partition("  ")[2] or line


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

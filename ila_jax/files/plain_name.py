"""Gives libraries in C++, which take UTF-8 alone, names by which they can open any folder."""

import atexit
import functools
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

# Temporary folders with the links that this process has made.
_PLACES: list[str] = []


def plain_name(path: str | os.PathLike[str]) -> Path:
    """An absolute path that opens what a local one does, for TensorStore and others like it.

    Most paths keep their own. A folder in it whose name is no UTF-8, or another in the encoding
    that Python takes for names of files here, has to exist: it is reached through a link in the
    system's temporary folder, which goes when the process ends. Errors: OSError.
    """
    parts = Path(os.path.abspath(os.fspath(path))).parts
    # The last such folder is enough: a link to it stands for all that is above it.
    strange = [number for number, part in enumerate(parts, 1) if not _is_plain(part)]
    if not strange:
        return Path(*parts)
    return Path(_link(Path(*parts[: strange[-1]])), *parts[strange[-1] :])


def _is_plain(name: str) -> bool:
    """Whether C++, which is given UTF-8, opens what Python does."""
    try:
        return name.encode("utf-8") == os.fsencode(name)
    except UnicodeEncodeError:  # bytes that are no text
        return False


@functools.cache
def _link(folder: Path) -> Path:
    # Processes that this one starts take its link: they are killed, and would leave theirs.
    variable = f"ILA_JAX_LINK_{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    if os.path.islink(os.environ.get(variable, "")):
        return Path(os.environ[variable])
    if not _PLACES:
        atexit.register(remove_links)
    _PLACES.append(tempfile.mkdtemp(prefix="ila_jax-"))
    link = Path(_PLACES[-1], "folder")
    link.symlink_to(folder)
    os.environ[variable] = str(link)
    return link


def remove_links() -> None:
    """Removes this process's links: at its end, also where it ends without Python's own exit."""
    while _PLACES:
        shutil.rmtree(_PLACES.pop(), ignore_errors=True)

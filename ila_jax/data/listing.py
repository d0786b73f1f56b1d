"""The video files below a folder, found by one walk and no question per file."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tqdm import tqdm

# What FFmpeg reads is decided by content; this only tells videos from what lies beside them.
SUFFIXES = frozenset(
    "mp4 m4v mov mkv webm avi mpg mpeg ts m2ts wmv flv 3gp ogv".split()  # noqa: SIM905
)


def video_files(folder: str | Path) -> list[str]:
    """Paths relative to the folder, sorted, `/` between names. Hidden files are left out.

    Links to folders are followed, each folder once. Errors: FileNotFoundError, and ValueError
    where it is no folder.
    """
    if not os.path.isdir(folder):
        if os.path.exists(folder):
            raise ValueError(f"{folder} is a file: expected the folder that holds the videos")
        raise FileNotFoundError(
            f"the folder {folder} does not exist: expected the folder that holds the videos"
        )
    # Slow only on network file systems, where people want to know.
    with tqdm(_walk(str(folder), "", set()), f"listing {folder}", unit=" files", delay=2) as walk:
        return sorted(walk)


def _walk(folder: str, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    about = os.stat(folder)
    if (about.st_dev, about.st_ino) in seen:  # a link back up
        return
    seen.add((about.st_dev, about.st_ino))
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):  # macOS puts a ._clip.mp4 beside clip.mp4
                continue
            if entry.is_dir():
                yield from _walk(entry.path, f"{prefix}{entry.name}/", seen)
            elif suffix(entry.name) in SUFFIXES:
                yield prefix + entry.name


def suffix(name: str) -> str:
    """`mp4` of clip.MP4."""
    return name.rpartition(".")[2].lower()


def stem(path: str) -> str:
    """`clip` of folder/clip.mp4."""
    return path.rpartition("/")[2].rpartition(".")[0]


class FilesByStem:
    """The video files below a folder by their names without the suffix."""

    def __init__(self, folder: str | Path) -> None:
        """Errors: as `video_files`."""
        self.files = video_files(folder)
        # A list for each stem would take more memory than all the paths.
        self._paths: dict[str, str | list[str]] = {}
        for path in self.files:
            other = self._paths.setdefault(stem(path), path)
            if other is not path:
                others = [other] if isinstance(other, str) else other
                self._paths[stem(path)] = [*others, path]

    def described(self) -> str:
        """What there is, for an error."""
        return f"{len(self.files)} video files" + (
            f" such as {self.files[0]}" if self.files else ""
        )

    def find(self, stems: Iterable[str]) -> list[str]:
        """Files of the first of the stems that there is; none: []."""
        found = next((self._paths[s] for s in stems if s in self._paths), [])
        return [found] if isinstance(found, str) else found

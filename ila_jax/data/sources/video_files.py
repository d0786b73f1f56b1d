"""The video files below a folder, found by one walk, and what was left out of them and why.

A name that ends as videos' names do is taken for a video, and no question is asked per file. One
that ends in nothing known is looked into: it is a video if it begins like one.
"""

import heapq
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ila_jax.data.video.first_bytes import HEAD, is_video_head
from ila_jax.data.video.suffixes import OTHER_SUFFIXES, SUFFIXES

_NOWHERE = "links that lead nowhere or in a circle"
_SPECIAL = "pipes, sockets or devices, which are no files"
_SHOWN = 3
_KINDS = 12


@dataclass(frozen=True)
class FolderListing:
    """What a walk over `folder` met; all paths are relative to it, `/` between names.

    files: the videos, sorted. folders: those directly below, sorted. left_out: by what they are, in
    words, how many entries are no videos, and the first of them.
    """

    folder: str
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def note(self, what: str, path: str) -> None:
        """One more entry of a kind."""
        count, first = self.left_out.get(what, (0, []))
        # A folder's order is another one on every disk.
        if len(first) < _SHOWN or path < first[-1]:
            first = sorted([*first, path])[:_SHOWN]
        self.left_out[what] = (count + 1, first)

    def notes(self) -> list[str]:
        """A sentence for all that was left out or is not as it seems; none: []."""
        if not self.left_out:
            return []
        kinds = sorted(self.left_out.items(), key=lambda kind: (-kind[1][0], kind[0]))
        said = [
            f"{count} {what} ({_some(first, count)})" for what, (count, first) in kinds[:_KINDS]
        ]
        if len(kinds) > _KINDS:
            said.append(f"{sum(count for _, (count, _) in kinds[_KINDS:])} of other names")
        return [f"{self.folder}: {len(self.files)} videos; beside them " + "; ".join(said)]


def list_videos(folder: str | Path) -> FolderListing:
    """The videos below a folder. Hidden files are left out, also of what is told.

    Links to folders are followed, each folder once. Folders that cannot be listed, links that lead
    nowhere, pipes and devices are told and stop nothing. A link with a video's name that leads
    nowhere is a video that is missing. Errors: OSError where the folder itself cannot be listed,
    ValueError where it is no folder.
    """
    if not os.path.isdir(folder):
        if os.path.exists(folder):
            raise ValueError(f"{folder} is a file: expected the folder that holds the videos")
        raise FileNotFoundError(
            f"the folder {folder} does not exist: expected the folder that holds the videos"
        )
    found = FolderListing(str(folder))
    # Slow only on network file systems, where people want to know.
    with tqdm(_walk(found), f"listing {folder}", unit=" files", delay=2) as walk:
        found.files.extend(sorted(walk))
    found.folders.sort()
    return found


def _walk(found: FolderListing) -> Iterator[str]:
    """The videos; adds to the rest of `found`."""
    seen: set[tuple[int, int]] = set()
    waiting = [""]  # the last is the next
    # Links wait for all folders, and deep ones for others, so that a folder that is reached in
    # several ways is found in the same place each time.
    linked: list[tuple[int, str]] = []
    while waiting or linked:
        prefix = waiting.pop() if waiting else heapq.heappop(linked)[1]
        for entry in _entries(found, prefix, seen):
            path = prefix + entry.name
            if not _is(entry.is_dir):
                if _is_listed(found, entry, path):
                    yield path
                continue
            if entry.is_symlink():
                heapq.heappush(linked, (path.count("/"), f"{path}/"))
            else:
                waiting.append(f"{path}/")
            if not prefix:
                found.folders.append(path)


def _entries(
    found: FolderListing, prefix: str, seen: set[tuple[int, int]]
) -> list[os.DirEntry[str]]:
    """What is in a folder, but for hidden entries; nothing of one that was seen or is closed."""
    folder = os.path.join(found.folder, prefix)
    try:
        about = os.stat(folder)
        if (about.st_dev, about.st_ino) in seen:
            found.note("links to folders that are listed already", prefix)
            return []
        seen.add((about.st_dev, about.st_ino))
        with os.scandir(folder) as entries:
            # macOS puts a ._clip.mp4 beside clip.mp4.
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        if not prefix:
            raise
        found.note(f"folders that cannot be listed: {error.strerror}", prefix)
        return []


def _is_listed(found: FolderListing, entry: os.DirEntry[str], path: str) -> bool:
    """Whether what is no folder is a video; notes what is none."""
    what = _no_video(entry)
    if what is not None:
        found.note(what, path)
    return what is None or (what == _NOWHERE and suffix(path) in SUFFIXES)


def _no_video(entry: os.DirEntry[str]) -> str | None:
    """What an entry is that is no video, in words for several; None for a video."""
    # The folder told already what most entries are; of them nothing more is asked.
    return _named(entry.path) if _is(entry.is_file) else _no_file(entry.path)


def unlike_video(path: str) -> str | None:
    """What a path is that is no video by its name or its first bytes; None for a video."""
    return _named(path) if os.path.isfile(path) else _no_file(path)


def _no_file(path: str) -> str:
    return _SPECIAL if os.path.exists(path) else _NOWHERE


def _named(path: str) -> str | None:
    ending = suffix(path)
    if ending in SUFFIXES:
        return None
    name = f"named .{ending}" if ending else "with no suffix"
    if ending in OTHER_SUFFIXES:
        return name
    try:
        with open(path, "rb", buffering=0) as file:
            return None if is_video_head(file.read(HEAD)) else f"{name} that begin like no video"
    except OSError as error:
        return f"{name} that cannot be read: {error.strerror}"


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except OSError:  # a link to itself
        return False


def _some(paths: list[str], count: int) -> str:
    return ", ".join(paths) + (", …" if count > len(paths) else "")


def tell(notes: Sequence[str]) -> None:
    """Says on stderr what stops nothing, each sentence once."""
    for note in dict.fromkeys(notes):
        tqdm.write(f"note: {note}", file=sys.stderr)


def suffix(name: str) -> str:
    """`mp4` of folder/clip.MP4, "" of folder/clip."""
    before, _, ending = name.rpartition("/")[2].rpartition(".")
    return ending.lower() if before else ""


def stem(path: str) -> str:
    """`clip` of folder/clip.mp4 and of folder/clip."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


class FilesByStem:
    """The video files below a folder by their names without the suffix."""

    def __init__(self, folder: str | Path) -> None:
        """Errors: as `list_videos`."""
        self.listing = list_videos(folder)
        self.files = self.listing.files
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

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
_SHOWN = 3  # names of each kind of entry that a sentence gives
_KINDS = 12  # kinds of entries that it gives, the rest as one


@dataclass(frozen=True)
class FolderListing:
    """What is below a folder. All paths are relative to it, with `/` between names.

    files: the videos, sorted. folders: those directly below, sorted. left_out: of each kind of
    entry that is no video, in words, how many there are and the first of them.
    """

    folder: str
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def note(self, what: str, path: str) -> None:
        """Counts one more entry that is no video. what: its kind, in words for several."""
        count, first = self.left_out.get(what, (0, []))
        # Sorted, so that all machines name the same ones: a folder's order differs by disk.
        if len(first) < _SHOWN or path < first[-1]:
            first = sorted([*first, path])[:_SHOWN]
        self.left_out[what] = (count + 1, first)

    def notes(self) -> list[str]:
        """One sentence for all that was left out or is not as it seems; [] where nothing is."""
        if not self.left_out:
            return []
        # The most frequent first, and of equally frequent ones always the same.
        kinds = sorted(self.left_out.items(), key=lambda kind: (-kind[1][0], kind[0]))
        sentences = [
            f"{count} {what} ({_some(first, count)})" for what, (count, first) in kinds[:_KINDS]
        ]
        if len(kinds) > _KINDS:
            sentences.append(f"{sum(count for _, (count, _) in kinds[_KINDS:])} of other names")
        n = len(self.files)
        videos = "1 video; beside it" if n == 1 else f"{n} videos; beside them"
        return [f"{self.folder}: {videos} {'; '.join(sentences)}"]


def list_videos(folder: str | Path) -> FolderListing:
    """The videos below a folder. Hidden files are left out, and counted nowhere.

    Links to folders are followed, each folder once. Folders that cannot be listed, links that lead
    nowhere, pipes and devices are noted and stop nothing. A link with a video's name that leads
    nowhere is a video that is missing. Errors: OSError where the folder itself cannot be listed,
    ValueError where it is no folder.
    """
    if not os.path.isdir(folder):
        if os.path.exists(folder):
            raise ValueError(f"{folder} is a file: expected the folder that holds the videos")
        raise FileNotFoundError(
            f"the folder {folder} does not exist: expected the folder that holds the videos"
        )
    listing = FolderListing(str(folder))
    # Slow only on network file systems, where people want to know.
    with tqdm(_walk(listing), f"listing {folder}", unit=" files", delay=2) as walk:
        listing.files.extend(sorted(walk))
    listing.folders.sort()
    return listing


def _walk(listing: FolderListing) -> Iterator[str]:
    """The paths of the videos, in any order; adds to the rest of the listing."""
    visited: set[tuple[int, int]] = set()  # device and inode of folders
    waiting = [""]  # the last is the next
    # Links wait for all folders, and deep ones for others, so that a folder that is reached in
    # several ways is found in the same place each time.
    linked: list[tuple[int, str]] = []
    while waiting or linked:
        prefix = waiting.pop() if waiting else heapq.heappop(linked)[1]
        for entry in _entries(listing, prefix, visited):
            path = prefix + entry.name
            if not _is(entry.is_dir):
                if _is_listed(listing, entry, path):
                    yield path
                continue
            if entry.is_symlink():
                heapq.heappush(linked, (path.count("/"), f"{path}/"))
            else:
                waiting.append(f"{path}/")
            if not prefix:
                listing.folders.append(path)


def _entries(
    listing: FolderListing, prefix: str, visited: set[tuple[int, int]]
) -> list[os.DirEntry[str]]:
    """What is in a folder, but for hidden entries; nothing of one that was listed or is closed."""
    folder = os.path.join(listing.folder, prefix)
    try:
        about = os.stat(folder)
        if (about.st_dev, about.st_ino) in visited:
            listing.note("links to folders that are listed already", prefix)
            return []
        visited.add((about.st_dev, about.st_ino))
        with os.scandir(folder) as entries:
            # macOS puts a ._clip.mp4 beside clip.mp4.
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        if not prefix:  # the folder that was asked for
            raise
        listing.note(f"folders that cannot be listed: {error.strerror}", prefix)
        return []


def _is_listed(listing: FolderListing, entry: os.DirEntry[str], path: str) -> bool:
    """Whether an entry that is no folder is a video; notes it in the listing where it is none."""
    what = _no_video(entry)
    if what is not None:
        listing.note(what, path)
    return what is None or (what == _NOWHERE and suffix(path) in SUFFIXES)


def _no_video(entry: os.DirEntry[str]) -> str | None:
    """What an entry is that is no video, in words for several; None for a video."""
    # Reading the folder has told what most entries are, so that the file system is not asked about
    # each of 240,000 files.
    return _named(entry.path) if _is(entry.is_file) else _no_file(entry.path)


def unlike_video(path: str) -> str | None:
    """What a path is that is no video by its name or its first bytes; None for a video."""
    return _named(path) if os.path.isfile(path) else _no_file(path)


def _no_file(path: str) -> str:
    """What a path is that is neither file nor folder, in words for several."""
    return _SPECIAL if os.path.exists(path) else _NOWHERE


def _named(path: str) -> str | None:
    """What a file is that is no video, by its name or its first bytes; None for a video."""
    ending = suffix(path)
    if ending in SUFFIXES:
        return None
    name = f"named .{ending}" if ending else "with no suffix"
    if ending in OTHER_SUFFIXES:  # it is not opened: there may be as many of them as of videos
        return name
    try:
        with open(path, "rb", buffering=0) as file:
            return None if is_video_head(file.read(HEAD)) else f"{name} that begin like no video"
    except OSError as error:
        return f"{name} that cannot be read: {error.strerror}"


def _is(question: Callable[[], bool]) -> bool:
    """The answer of a folder's entry to `is_dir` or `is_file`; False where there is none."""
    try:
        return question()
    except OSError:  # a link to itself
        return False


def _some(paths: list[str], count: int) -> str:
    """The first paths of so many, for a sentence."""
    return ", ".join(paths) + (", …" if count > len(paths) else "")


def tell(notes: Sequence[str]) -> None:
    """Says on stderr, each sentence once, what is worth knowing and stops nothing."""
    for note in dict.fromkeys(notes):
        tqdm.write(f"note: {note}", file=sys.stderr)


def suffix(name: str) -> str:
    """`mp4` of folder/clip.MP4, "" of folder/clip."""
    # A name that begins with its only dot is hidden, and has no suffix.
    before, _, ending = name.rpartition("/")[2].rpartition(".")
    return ending.lower() if before else ""


def stem(path: str) -> str:
    """`clip` of folder/clip.mp4 and of folder/clip."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


class FilesByStem:
    """The video files below a folder by their names without the suffix."""

    def __init__(self, folder: str | Path) -> None:
        """Lists the folder. Errors: as `list_videos`."""
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
        """How many files there are and the first of them, for an error."""
        return f"{len(self.files)} video files" + (
            f" such as {self.files[0]}" if self.files else ""
        )

    def notes(self, where: str | Path, clips: int, with_file: int) -> list[str]:
        """Those of the listing, and a sentence where clips of a list have no file.

        where: the list. clips: how many it has; with_file: those of which a file was found.
        """
        missing = clips - with_file
        if not missing:
            return self.listing.notes()
        sentence = f"{where}: {missing} of {clips} clips have no file below {self.listing.folder}"
        return [sentence, *self.listing.notes()]

    def find(self, stems: Iterable[str]) -> list[str]:
        """The paths of the files with the first of the stems that any file has; [] without any."""
        paths = next((self._paths[name] for name in stems if name in self._paths), [])
        return [paths] if isinstance(paths, str) else paths

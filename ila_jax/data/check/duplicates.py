"""The same video more than once: by path, by recording, and by content."""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ila_jax.data.sources.video_files import stem, suffix
from ila_jax.data.video.files import find_on_disk
from ila_jax.data.video.suffixes import SUFFIXES

# Kinetics cuts clips of ten seconds from YouTube videos: ID_START_END.
_KINETICS = re.compile(r"([\w-]{11})_\d{6}_\d{6}", re.ASCII)
_THREADS = 16  # a file system over the network answers many questions at once
_CHUNK = 1000  # paths of a thread's task: with one of each, handing them out would be the work
_PIECE = 1 << 16  # bytes at the beginning, middle and end of a file that are compared first


@dataclass(frozen=True)
class FileFacts:
    """What the file system knows of files.

    size: int64 [n], -1 is missing. inode: (device, number) of each, None where missing.
    """

    size: np.ndarray
    inode: list[tuple[int, int] | None]


def stat_files(paths: Sequence[str]) -> FileFacts:
    """Asks the file system for every file once. What is no file counts as missing."""
    chunks = [paths[i : i + _CHUNK] for i in range(0, len(paths), _CHUNK)]
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = tqdm(
            pool.map(_stat, chunks),
            "looking at files",
            total=len(chunks),
            unit=" thousand",
            delay=2,
        )
        facts = [answer for chunk in answers for answer in chunk]
    sizes = np.array([size for size, _ in facts], np.int64)
    return FileFacts(sizes, [inode for _, inode in facts])


def _stat(paths: Sequence[str]) -> list[tuple[int, tuple[int, int] | None]]:
    """(size, inode) of each path, (-1, None) of what is no file."""
    out: list[tuple[int, tuple[int, int] | None]] = []
    for path in paths:
        try:
            _, about = find_on_disk(path)
            if stat.S_ISREG(about.st_mode):
                out.append((about.st_size, (about.st_dev, about.st_ino)))
                continue
        except (OSError, ValueError):  # ValueError: a zero byte in the path
            pass
        out.append((-1, None))
    return out


def is_path(video_id: str) -> bool:
    """Whether an id is a path within a split's folder, which other splits may have as well."""
    return suffix(video_id) in SUFFIXES


def recording(video_id: str) -> str | None:
    """What clips of one recording share: of Kinetics' the YouTube video, of others their id.

    None where the id does not say, since it is a path of other spelling than Kinetics'.
    """
    path = is_path(video_id) or "/" in video_id
    match = _KINETICS.fullmatch(stem(video_id) if path else video_id)
    if match:
        return match[1]
    return None if path else video_id


def groups(keys: Iterable[Hashable]) -> list[list[int]]:
    """The places of each key that occurs more than once; None is no key."""
    # Two tables, since most keys occur once: a list for each would be the most of the memory.
    first: dict[Hashable, int] = {}
    several: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        if key is None:
            continue
        at = first.setdefault(key, place)
        if at != place:
            several.setdefault(key, [at]).append(place)
    return list(several.values())


def same_content(
    paths: Sequence[str], files: FileFacts, *, most: int
) -> tuple[list[list[int]], int, int]:
    """(groups of files with the same bytes, how many were compared, how many should have been).

    Only files of the same size are compared: first the bytes at their beginning, middle and end,
    then, where those agree, all. most: compared; of more, some are drawn, the same each time.
    Links to one file are found without reading.
    """
    # Missing and empty files are told as such, and are no copies of each other.
    sizes = [int(size) if size > 0 else None for size in files.size]
    by_size = groups(sizes)
    # Whole groups are drawn: half of one would compare nothing with the other half.
    order = np.random.default_rng(0).permutation(len(by_size))
    chosen: list[int] = []
    for place in order:
        if len(chosen) + len(by_size[place]) > most:
            break
        chosen += by_size[place]
    pieces = _digests(paths, chosen, _pieces)
    alike = groups([(files.size[i], digest) if digest else None for i, digest in pieces])
    suspects = [chosen[place] for group in alike for place in group]
    # What looks alike in three places is read in full: only then is it the same.
    whole = _digests(paths, suspects, _whole)
    same = [[suspects[place] for place in group] for group in groups([d for _, d in whole])]
    return merged([*same, *groups(files.inode)]), len(chosen), sum(map(len, by_size))


def _digests(
    paths: Sequence[str], places: Sequence[int], digest: Callable[[str], str]
) -> list[tuple[int, str | None]]:
    """(place, digest of the file) of each place; None for a file that cannot be read."""

    def safe(place: int) -> tuple[int, str | None]:
        try:
            return place, digest(paths[place])
        except OSError:
            return place, None

    with ThreadPoolExecutor(_THREADS) as pool:
        answers = tqdm(
            pool.map(safe, places), "comparing files", total=len(places), unit=" files", delay=2
        )
        return list(answers)


def _pieces(path: str) -> str:
    """A hash of three pieces of a file."""
    # Without a buffer, which would read more than is asked for.
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256()
        for offset in (0, size // 2, max(size - _PIECE, 0)):
            file.seek(offset)
            digest.update(file.read(_PIECE))
        return digest.hexdigest()


def _whole(path: str) -> str:
    """A hash of a whole file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def merged(overlapping: Sequence[list[int]]) -> list[list[int]]:
    """The same groups, those that share a member made one; all sorted."""
    group_of: dict[int, set[int]] = {}
    for group in overlapping:
        together = set(group).union(*(group_of[place] for place in group if place in group_of))
        # Every member now points to the one set, so that a later group is joined with all of it.
        group_of |= dict.fromkeys(together, together)
    distinct = {id(group): group for group in group_of.values()}.values()
    return sorted(sorted(group) for group in distinct)

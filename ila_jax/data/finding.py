"""The video files that a person means by paths, folders and patterns."""

import glob
import os
from collections.abc import Iterable

from ila_jax.data.listing import SUFFIXES, suffix, video_files

_ENDINGS = f"files that end in {', '.join(sorted(SUFFIXES))}"


def find_videos(places: Iterable[str]) -> tuple[list[str], list[str]]:
    """(paths, problems): of each place in turn, each path once.

    A file is taken whatever its name, a folder for all videos below it, and a pattern such as
    `clips/**/*.mp4` for the videos and folders that match. problems: in words, what is not there.
    """
    paths: dict[str, None] = {}  # in order
    problems = []
    for place in places:
        try:
            paths |= dict.fromkeys(_of(place))
        except (ValueError, OSError) as error:
            problems.append(str(error))
    return list(paths), problems


def _of(place: str) -> list[str]:
    """Errors: ValueError or OSError where there is no video."""
    if not place:
        raise ValueError("'': expected the path of a video, found none")
    if os.path.isdir(place):
        return _below(place)
    if os.path.exists(place) or not glob.has_magic(place):
        return [place]  # reading it tells what is wrong with it
    found = []
    for path in sorted(glob.glob(place, recursive=True)):
        if os.path.isdir(path):
            found += [os.path.join(path, name) for name in video_files(path)]
        elif suffix(path) in SUFFIXES:
            found.append(path)
    if not found:
        raise ValueError(f"{place}: no video matches this pattern (expected {_ENDINGS})")
    return found


def _below(folder: str) -> list[str]:
    names = video_files(folder)
    if not names:
        raise ValueError(f"{folder}: no video is in this folder (expected {_ENDINGS})")
    return [os.path.join(folder, name) for name in names]

"""The video files that a person means by paths, folders and patterns."""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from ila_jax.data.sources.video_files import FolderListing, list_videos, unlike_video

_EXPECTED = "files that are named like videos, such as .mp4, or begin like one"


@dataclass(frozen=True)
class FoundVideos:
    """paths: of the videos, each once. problems: what is not there. notes: what was left out."""

    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_videos(places: Iterable[str]) -> FoundVideos:
    """The videos of each place in turn.

    A file is taken whatever its name, a folder for all videos below it, and a pattern such as
    `clips/**/*.mp4` for the videos and folders that match. Errors: ValueError for a single string.
    """
    if isinstance(places, str):
        raise ValueError(f"places are {places!r}: expected a list of paths, [{places!r}]")
    found, paths = FoundVideos(), dict[str, None]()  # in order
    for place in places:
        try:
            paths |= dict.fromkeys(_of(place, found.notes))
        except (ValueError, OSError) as error:
            found.problems.append(str(error))
    found.paths.extend(paths)
    return found


def _of(place: str, notes: list[str]) -> list[str]:
    """Adds to notes. Errors: ValueError or OSError where there is no video."""
    if not place:
        raise ValueError("'': expected the path of a video, found none")
    if os.path.isdir(place):
        return _below(place, notes)
    if os.path.exists(place) or not glob.has_magic(place):
        return [place]  # reading it tells what is wrong with it
    matching = _matching(place, notes)
    if not matching:
        raise ValueError(f"{place}: no video matches this pattern (expected {_EXPECTED})")
    return matching


def _below(folder: str, notes: list[str]) -> list[str]:
    found = _listed(folder, notes)
    if not found:
        raise ValueError(f"{folder}: no video is in this folder (expected {_EXPECTED})")
    return found


def _listed(folder: str, notes: list[str]) -> list[str]:
    listing = list_videos(folder)
    notes += listing.notes()
    return [os.path.join(folder, name) for name in listing.files]


def _matching(pattern: str, notes: list[str]) -> list[str]:
    found = FolderListing(pattern)
    for path in sorted(glob.glob(pattern, recursive=True)):
        if os.path.isdir(path):
            found.files.extend(_listed(path, notes))
        elif (what := unlike_video(path)) is None:
            found.files.append(path)
        else:
            found.note(what, path)
    notes += found.notes()
    return found.files

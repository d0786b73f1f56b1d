"""The video files that a person means by paths, folders and patterns."""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from ila_jax.data.sources.video_files import FolderListing, list_videos, unlike_video

_EXPECTED = "files that are named like videos, such as .mp4, or begin like one"


@dataclass(frozen=True)
class FoundVideos:
    """The videos of several places.

    paths: of the videos, each once. problems: a sentence for each place that holds none. notes:
    sentences about what was left out.
    """

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
    videos = FoundVideos()
    # A dict for its keys: they keep the order of the places, and name each video once.
    paths = dict[str, None]()
    for place in places:
        try:
            paths |= dict.fromkeys(_videos_of(place, videos.notes))
        except (ValueError, OSError) as error:  # of this place: the others are answered
            videos.problems.append(str(error))
    videos.paths.extend(paths)
    return videos


def _videos_of(place: str, notes: list[str]) -> list[str]:
    """The videos of one place; adds to the notes what was left out.

    Errors: ValueError or OSError where there is no video.
    """
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
    paths = _listed(folder, notes)
    if not paths:
        raise ValueError(f"{folder}: no video is in this folder (expected {_EXPECTED})")
    return paths


def _listed(folder: str, notes: list[str]) -> list[str]:
    listing = list_videos(folder)
    notes += listing.notes()
    return [os.path.join(folder, name) for name in listing.files]


def _matching(pattern: str, notes: list[str]) -> list[str]:
    listing = FolderListing(pattern)
    # Sorted: the order of a folder is another one on every disk.
    for path in sorted(glob.glob(pattern, recursive=True)):
        if os.path.isdir(path):
            listing.files.extend(_listed(path, notes))
        elif (what := unlike_video(path)) is None:
            listing.files.append(path)
        else:
            listing.note(what, path)
    notes += listing.notes()
    return listing.files

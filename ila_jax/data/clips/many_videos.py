"""Many videos one after the other, as a model looks at them; the next are decoded meanwhile."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import UInt8

from ila_jax.data.clips.ahead import work_ahead
from ila_jax.data.clips.views import Views
from ila_jax.data.video.bad import errors_as_bad_video
from ila_jax.data.video.limits import Unfinished, within
from ila_jax.data.video.read_video import EncodedVideo, encoded

# A file, or its uint8 frames [f, h, w, 3] in RGB.
AnyVideo = EncodedVideo | np.ndarray
ViewPixels = UInt8[np.ndarray, "v t h w c"]


@dataclass(frozen=True, eq=False)
class VideoViews:
    """The views of one of many videos, or what is wrong with it.

    name: its path, or "video 3" for the fourth one where it is given as bytes or frames. pixels:
    None with a problem. short: it has fewer frames than the model takes, so that frames repeat.
    """

    name: str
    pixels: ViewPixels | None = None
    short: bool = False
    problem: str | None = None


def views_of(views: Views, video: AnyVideo) -> tuple[ViewPixels, bool]:
    """The views of a video, and whether it is so short that frames repeat.

    Errors: BadVideo; ValueError for frames of another shape; TypeError for what is no video.
    """
    if isinstance(video, np.ndarray):
        if video.ndim != 4 or video.shape[-1] != 3 or video.dtype != np.uint8 or not video.size:
            raise ValueError(
                f"frames are {video.dtype} {list(video.shape)}: expected uint8 "
                "[frames, height, width, 3], in RGB"
            )
        return views.of_frames(video), len(video) < views.recipe.frames
    data = encoded(video)
    with errors_as_bad_video():
        # The number of a video only matters where clips are drawn at random: here it is always 0.
        return views(data, 0)


def check_several(videos: object, time_limit: float) -> None:
    """Errors: TypeError for a single video in place of several; ValueError for no time limit."""
    # All of these can be walked through, a letter, a byte, a line or a frame at a time.
    is_file = isinstance(videos, str | bytes | os.PathLike) or hasattr(videos, "read")
    if is_file or (isinstance(videos, np.ndarray) and videos.ndim < 5):
        raise TypeError("a single video: expected several, such as [video]")
    if not 0 < time_limit < math.inf:
        raise ValueError(f"time_limit is {time_limit:g}: expected seconds, more than none")


def views_ahead(
    videos: Iterable[AnyVideo], views: Views, *, threads: int, time_limit: float
) -> Iterator[VideoViews]:
    """Yields the views of each video in turn, while so many threads read and decode the next ones.

    A video that cannot be read, or not in so many seconds, has its problem instead. Of the videos
    no more than `threads` + 1 are taken ahead, so that there may be any number of them.
    Errors: TypeError for what is no video at all.
    """
    look = partial(_looked_at, views, time_limit)
    for reading in work_ahead(look, enumerate(videos), threads=threads):
        yield reading.result()


def _looked_at(views: Views, time_limit: float, numbered: tuple[int, AnyVideo]) -> VideoViews:
    """The views of a video with its number, or its problem."""
    number, video = numbered
    name = os.fspath(video) if isinstance(video, str | os.PathLike) else f"video {number}"
    try:
        # A decoder may hang for ever on a damaged file, and a file system as well.
        pixels, short = within(time_limit, lambda: views_of(views, video))
    except ValueError as error:  # a BadVideo, or frames of another shape
        return VideoViews(name, problem=str(error))
    except Unfinished:
        return VideoViews(name, problem=f"It was not read and decoded in {time_limit:g} s.")
    return VideoViews(name, pixels, short)

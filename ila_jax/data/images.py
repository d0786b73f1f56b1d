"""Decoded frames to RGB pictures: upright, of one size, and shrunk as they come."""

from collections.abc import Callable

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ila_jax.data.bad import BadVideo, Reason

Each = Callable[[np.ndarray], np.ndarray]


class Images(dict[int, np.ndarray]):
    """The wanted frames by number, as they come out of the decoder."""

    def __init__(self, each: Each | None) -> None:
        super().__init__()
        self._each, self._reformatter = each, VideoReformatter()
        self._size: tuple[int, ...] | None = None

    def add(self, k: int, frame: av.VideoFrame) -> None:
        """Errors: BadVideo for a frame of another size than those before it."""
        image = _to_rgb(frame, self._reformatter)
        if self._size not in (None, image.shape):
            raise BadVideo(Reason.SIZE_CHANGES)
        self._size = image.shape
        self[k] = image if self._each is None else self._each(image)


def _to_rgb(frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    image = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    turns = round(frame.rotation / 90) % 4  # counter-clockwise, as np.rot90 counts
    return np.rot90(image, turns) if turns else image

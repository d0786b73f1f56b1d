"""Decoded frames to RGB pictures: upright, of one size, and shrunk as they come."""

from collections.abc import Callable

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ila_jax.data.bad import BadVideo, Reason
from ila_jax.data.orientation import orientation
from ila_jax.data.rgb import to_rgb

Each = Callable[[np.ndarray], np.ndarray]


class Images(dict[int, np.ndarray]):
    """The wanted frames by number, as they come out of the decoder."""

    def __init__(self, each: Each | None) -> None:
        super().__init__()
        self._each, self._reformatter = each, VideoReformatter()
        self._size: tuple[int, ...] | None = None

    def add(self, k: int, frame: av.VideoFrame) -> None:
        """Errors: BadVideo for a frame of another size than those before it, or of no colours."""
        image = orientation(frame).upright(to_rgb(frame, self._reformatter))
        if self._size not in (None, image.shape):
            raise BadVideo(Reason.SIZE_CHANGES)
        self._size = image.shape
        self[k] = image if self._each is None else self._each(image)

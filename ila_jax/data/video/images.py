"""Decoded frames to RGB pictures: upright, of one size, and shrunk as they come."""

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.orientation import orientation
from ila_jax.data.video.rgb import to_rgb

# Of a frame, uint8 [H, W, 3], and of the width of its pixels as a part of their height.
Each = Callable[[np.ndarray, Fraction], np.ndarray]


class Images(dict[int, np.ndarray]):
    """The wanted frames by number, as they come out of the decoder."""

    def __init__(self, each: Each | None, pixel_aspect: Fraction) -> None:
        """pixel_aspect: of the frames as they are stored."""
        super().__init__()
        self._each, self._pixel_aspect = each, pixel_aspect
        self._reformatter = VideoReformatter()
        self._size: tuple[int, ...] | None = None

    def add(self, k: int, frame: av.VideoFrame) -> None:
        """Errors: BadVideo for a frame of another size than those before it, or of no colours."""
        way = orientation(frame)
        image = way.upright(to_rgb(frame, self._reformatter))
        if self._size not in (None, image.shape):
            raise BadVideo(Reason.SIZE_CHANGES)
        self._size = image.shape
        self[k] = image if self._each is None else self._each(image, way.shown(self._pixel_aspect))

"""Turns decoded frames into RGB pictures: upright, of one size, and shrunk as they come.

Shrinking is done here, frame by frame, so that no more than one frame is held in its full size.
"""

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.orientation import orientation
from ila_jax.data.video.rgb import to_rgb

# transform(frame, pixel_aspect) → what is kept of a frame. frame: uint8 [H, W, 3]. pixel_aspect:
# pixel width / height. It is called for each frame as it is decoded, and usually shrinks it.
FrameTransform = Callable[[np.ndarray, Fraction], np.ndarray]


class Images(dict[int, np.ndarray]):
    """The chosen frames by number, as they come out of the decoder."""

    def __init__(self, transform: FrameTransform | None, pixel_aspect: Fraction) -> None:
        """transform: gives what is kept of each frame; None keeps all of it.

        pixel_aspect: pixel width / height in the stored frames.
        """
        super().__init__()
        self._transform, self._pixel_aspect = transform, pixel_aspect
        # One for all frames: it keeps what the scaler has prepared for this size and format.
        self._reformatter = VideoReformatter()
        self._size: tuple[int, ...] | None = None

    def add(self, k: int, frame: av.VideoFrame) -> None:
        """Keeps a decoded frame as number k.

        Errors: BadVideo for a frame of another size than those before it, or of unknown colours.
        """
        way = orientation(frame)
        image = way.upright(to_rgb(frame, self._reformatter))
        # Full sizes are compared. Shrunk to the same short side, two sizes may look like one.
        if self._size not in (None, image.shape):
            raise BadVideo(Reason.SIZE_CHANGES)
        self._size = image.shape
        if self._transform is not None:
            image = self._transform(image, way.upright_aspect(self._pixel_aspect))
        self[k] = image

"""A video as a strip of tiny grey pictures, by which videos that look alike are found.

The pictures are a fixed time apart, so that another frame rate, or a start that is cut off, moves
the strip and does not change it; they are so small that another encoding changes little.
"""

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from ila_jax.data.video.bad import errors_as_bad_video
from ila_jax.data.video.decode import decode, index_video

SIDE = 16  # pixels of a picture's side
_STEP = 0.1  # seconds between pictures, doubled until there are no more than _MOST
_MOST = 48


@dataclass(frozen=True)
class Strip:
    """The brightness of a video's frames.

    step: seconds between pictures. pictures: uint8 [n, 16, 16]; none where the video cannot be
    read. problem: why it cannot, or "".
    """

    step: float
    pictures: np.ndarray
    problem: str = ""

    def at_step(self, step: float) -> np.ndarray:
        """The pictures that are so many seconds apart, a multiple of its own step."""
        return self.pictures[:: round(step / self.step)]


def unreadable(problem: str) -> Strip:
    """The strip of a video that cannot be read."""
    return Strip(_STEP, np.zeros((0, SIDE, SIDE), np.uint8), problem)


@errors_as_bad_video()
def make_strip(data: bytes) -> Strip:
    """The strip of an encoded video. Errors: BadVideo."""
    video = index_video(data)
    times = np.asarray(video.times, np.float64) - float(video.times[0])
    step = _STEP
    while times[-1] / step >= _MOST:
        step *= 2
    # The frame that is shown at each time: the last one that began before it.
    shown = np.searchsorted(times, np.arange(0, times[-1] + 1e-6, step) + 1e-6, side="right") - 1
    return Strip(step, decode(video, shown.tolist(), transform=_small))


def _small(image: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
    """The brightness of a frame, uint8 [16, 16], whatever its shape was."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)

"""Light that changes during a clip: slowly, from side to side, or when a lamp is switched."""

import cv2
import numpy as np
from jaxtyping import UInt8

SWITCHED = 0.2  # of the clips


class Light:
    """The light of a clip, frame by frame. size: width and height in pixels."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], frames: int) -> None:
        u = np.linspace(0, 1, frames)
        exposure, swing = rng.uniform(0.75, 1.15), rng.uniform(0, 0.15)
        level = exposure * (
            1 + swing * np.sin(2 * np.pi * (rng.uniform(0.3, 2) * u + rng.random()))
        )
        lamp, when = rng.choice((-1, 1)) * rng.uniform(0.1, 0.25), rng.uniform(0.1, 0.9)
        if rng.random() < SWITCHED:
            level *= 1 + lamp / (1 + np.exp(-60 * (u - when)))
        self._level = level
        turn = rng.uniform(0, 2 * np.pi) + rng.uniform(-1.5, 1.5) * u
        self._slope = rng.uniform(0.05, 0.3) * np.stack([np.cos(turn), np.sin(turn)], -1)
        self._tint = 1 + rng.uniform(-0.07, 0.07, 3)
        self._x = np.linspace(-1, 1, size[0])[None, :, None]
        self._y = np.linspace(-1, 1, size[1])[:, None, None]

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], frame: int) -> np.ndarray:
        """The picture in the light of a frame, uint8 [h, w, 3]."""
        x, y = self._slope[frame]
        gain = self._level[frame] * self._tint * (1 + x * self._x + y * self._y)
        lit: np.ndarray = cv2.multiply(picture, gain.astype(np.float32), dtype=cv2.CV_8U)
        return lit

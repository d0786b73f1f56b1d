"""Hands that do things: an arm that comes from outside, in three poses."""

import cv2
import numpy as np
from jaxtyping import Float32

from ila_jax.data.synthetic.actions.play import CLOSED, OPEN, POINTING
from ila_jax.data.synthetic.actions.sprites import FINE, Sprite, sprite
from ila_jax.data.synthetic.actions.surfaces import clouds, colour

LENGTH = 1.9  # of the arm, so that its end is never seen
WIDTH = 0.26  # of the picture

# Fingers of each pose, from the knuckles to the tip: (x, y) to (x, y) in units of a hand's width,
# y along the arm from the tips of the fingers at 0 to the palm.
FINGERS = {
    OPEN: (((-0.4, 1.0), (-0.75, 0.25)), ((-0.15, 0.9), (-0.25, 0.0)), ((0.15, 0.9), (0.25, 0.0)),
           ((0.4, 1.0), (0.75, 0.25))),
    CLOSED: (((-0.4, 1.0), (-0.3, 0.2)), ((-0.15, 0.9), (-0.1, 0.1)), ((0.15, 0.9), (0.1, 0.1)),
             ((0.4, 1.0), (0.3, 0.3))),
    POINTING: (((-0.4, 1.0), (-0.3, 0.75)), ((0.0, 0.9), (0.0, 0.0)), ((0.15, 0.9), (0.15, 0.7)),
               ((0.4, 1.0), (0.3, 0.75))),
}  # fmt: skip


def hand_in_poses(rng: np.random.Generator, scale: float) -> dict[int, Sprite]:
    """One hand in all poses, placed by its finger tips, the arm upwards. scale: of `sprite`."""
    fine = scale * FINE
    size = (round(WIDTH * fine), round(LENGTH * fine))
    width = rng.uniform(0.085, 0.115)
    tone, sleeve = _tone(rng), colour(rng)
    cuff = rng.uniform(2.2, 4.5) * width  # from the tips
    return {pose: _hand(rng, pose, width, (tone, sleeve), cuff, size, scale) for pose in FINGERS}


def _tone(rng: np.random.Generator) -> np.ndarray:
    """The colour of skin, of any people, or of a glove."""
    if rng.random() < 0.15:
        return colour(rng)
    light, dark = np.array([240, 200, 175]), np.array([95, 60, 45])
    share = rng.uniform(0, 1)
    tone: np.ndarray = (light * share + dark * (1 - share)).astype(np.float32)
    return tone


def _hand(
    rng: np.random.Generator,
    pose: int,
    width: float,
    tones: tuple[np.ndarray, np.ndarray],
    cuff: float,
    size: tuple[int, int],
    scale: float,
) -> Sprite:
    skin, arm = np.zeros(size[::-1], np.uint8), np.zeros(size[::-1], np.uint8)
    fine = scale * FINE

    def point(x: float, y: float) -> tuple[int, int]:
        # The tips are at the lower edge of the picture, in its middle.
        return round(size[0] / 2 + x * fine), round(size[1] - 1 - y * fine)

    def stroke(
        mask: np.ndarray, start: tuple[float, float], end: tuple[float, float], w: float
    ) -> None:
        cv2.line(mask, point(*start), point(*end), 255, max(round(w * fine), 1), cv2.LINE_AA)

    for (x0, y0), (x1, y1) in FINGERS[pose]:
        stroke(skin, (x0 * width, y0 * width), (x1 * width, (y1 + 0.15) * width), 0.27 * width)
    cv2.ellipse(skin, point(0, 1.25 * width), (round(0.55 * width * fine),
                round(0.6 * width * fine)), 0, 0, 360, 255, -1, cv2.LINE_AA)  # fmt: skip
    stroke(skin, (0, 1.4 * width), (0, LENGTH), 0.62 * width)
    stroke(arm, (0, cuff), (0, LENGTH), 0.9 * width)
    return _painted(rng, skin, arm, tones, scale)


def _painted(
    rng: np.random.Generator,
    skin: np.ndarray,
    arm: np.ndarray,
    tones: tuple[np.ndarray, np.ndarray],
    scale: float,
) -> Sprite:
    mask = np.maximum(skin, arm).astype(np.float32) / 255
    sleeve = (arm > 127)[..., None]
    colours = np.where(sleeve, tones[1], tones[0]) * _roundness(mask)
    colours *= 1 + 0.15 * (clouds(rng, mask.shape[::-1], 8, 40)[..., None] - 0.5)
    return sprite(np.clip(colours, 0, 255), mask, (-WIDTH / 2, -LENGTH), scale)


def _roundness(mask: np.ndarray) -> Float32[np.ndarray, "h w 1"]:
    """Brightness that falls towards the edges, also of single fingers."""
    edge = cv2.GaussianBlur(mask, (0, 0), 5.0)
    light: np.ndarray = 0.45 + 0.6 * edge
    return light[..., None]

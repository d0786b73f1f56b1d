"""Hands that do things: an arm that comes from outside, in three poses."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from ila_jax.data.synthetic.actions.play import CLOSED, OPEN, POINTING
from ila_jax.data.synthetic.actions.sprites import FINE, Sprite, sprite
from ila_jax.data.synthetic.actions.surfaces import Colour, clouds, colour

LENGTH = 1.9  # of the arm in scene units, so that its end is never seen
WIDTH = 0.26  # of the picture of a hand with spread fingers
GLOVED = 0.15  # of the hands

# Fingers of each pose, from the knuckle (x, y) to the tip (x, y), in widths of the hand. The round
# end of the longest is at y 0.
FINGERS = {
    OPEN: (((-0.4, 1.0), (-0.75, 0.4)), ((-0.15, 0.9), (-0.25, 0.15)), ((0.15, 0.9), (0.25, 0.15)),
           ((0.4, 1.0), (0.75, 0.4))),
    CLOSED: (((-0.4, 1.0), (-0.3, 0.35)), ((-0.15, 0.9), (-0.1, 0.25)), ((0.15, 0.9), (0.1, 0.25)),
             ((0.4, 1.0), (0.3, 0.45))),
    POINTING: (((-0.4, 1.0), (-0.3, 0.9)), ((0.0, 0.9), (0.0, 0.15)), ((0.15, 0.9), (0.15, 0.85)),
               ((0.4, 1.0), (0.3, 0.9))),
}  # fmt: skip
PALM, FINGER, WRIST, SLEEVE = 1.1, 0.27, 0.62, 0.9  # how thick they are, in widths of the hand


@dataclass(frozen=True)
class _Person:
    """Whose hand it is. width: of the hand; cuff: from the finger tips, both in scene units."""

    width: float
    cuff: float
    skin: Colour
    sleeve: Colour


def hand_in_poses(rng: np.random.Generator, scale: float) -> dict[int, Sprite]:
    """One person's hand in all poses, placed by its finger tips, the arm upwards.

    scale: of `sprite`.
    """
    width = rng.uniform(0.085, 0.115)
    person = _Person(width, rng.uniform(2.2, 4.5) * width, _skin(rng), colour(rng))
    return {pose: _hand(rng, pose, person, scale) for pose in FINGERS}


def _skin(rng: np.random.Generator) -> Colour:
    """The colour of anybody's skin, or of a glove."""
    if rng.random() < GLOVED:
        return colour(rng)
    light, dark = np.array([240, 200, 175]), np.array([95, 60, 45])
    share = rng.uniform(0, 1)
    skin: Colour = (light * share + dark * (1 - share)).astype(np.float32)
    return skin


def _hand(rng: np.random.Generator, pose: int, person: _Person, scale: float) -> Sprite:
    skin, sleeve = _masks(pose, person, scale * FINE)
    mask = np.maximum(skin, sleeve).astype(np.float32) / 255
    colours = np.where(sleeve[..., None] > 127, person.sleeve, person.skin)
    # Darker towards the edges, also of single fingers, as what is round is.
    colours = colours * (0.45 + 0.6 * cv2.GaussianBlur(mask, (0, 0), 5.0)[..., None])
    colours *= 0.925 + 0.15 * clouds(rng, mask.shape[::-1], 8, 40)[..., None]
    return sprite(np.clip(colours, 0, 255), mask, (-WIDTH / 2, -LENGTH), scale)


def _masks(
    pose: int, person: _Person, scale: float
) -> tuple[UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "h w"]]:
    """Where the hand and the sleeve are, 255. scale: pixels to a scene unit."""
    shape = (round(LENGTH * scale), round(WIDTH * scale))
    skin, sleeve = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    unit = scale * person.width
    end = LENGTH / person.width
    for knuckle, tip in FINGERS[pose]:
        _stroke(skin, unit, knuckle, tip, FINGER)
    _stroke(skin, unit, (0, 1.25), (0, 1.25), PALM)
    _stroke(skin, unit, (0, 1.4), (0, end), WRIST)
    _stroke(sleeve, unit, (0, person.cuff / person.width), (0, end), SLEEVE)
    return skin, sleeve


def _stroke(
    mask: np.ndarray,
    unit: float,
    start: tuple[float, float],
    end: tuple[float, float],
    thickness: float,
) -> None:
    """Draws a line with round ends. The origin is in the middle of the lower edge, y upwards.

    unit: pixels to a width of the hand, in which all else is.
    """
    height, width = mask.shape
    first, last = (
        (round(width / 2 + x * unit), round(height - 1 - y * unit)) for x, y in (start, end)
    )
    cv2.line(mask, first, last, 255, max(round(thickness * unit), 1), cv2.LINE_AA)

"""Draws a clip of the motion pairs: a bright textured object that moves in one of eight ways.

What the quickstart's data set has to be like is in motion-pairs.md. `videos.py`
makes files of the clips.

The random draws are in a fixed order, and another order would give other videos for the same seed.
Who changes them raises VERSION in `motion_pairs.py`.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from ila_jax.data.synthetic import looks

CLASSES = (
    "moving left",
    "moving right",
    "moving up",
    "moving down",
    "moving closer",
    "moving away",
    "turning clockwise",
    "turning counter-clockwise",
)
# The label of the same frames played backwards: neighbours in CLASSES.
PARTNER = (1, 0, 3, 2, 5, 4, 7, 6)

FRAMES = (20, 40)  # of a clip
RATES = (12, 15, 20, 24, 25, 30)  # frames a second
# Lengths are in short sides of the frame. A centre crop of 0.875 of it holds all of the motion.
EXTENT = (0.32, 0.46)  # longest side of the object, half-way through the clip
DISTANCE = (0.3, 0.6)
ZOOM = (1.7, 2.8)
TURN = (60.0, 170.0)  # degrees; three steps of up to 57 at four frames: never ambiguous
SHAKE = 0.02  # the camera's, at most


@dataclass(frozen=True)
class Objects:
    """Where all objects of a clip are, the one that moves first.

    boxes: as of `MotionClip`. masks: the pixels at which an object is what one sees.
    """

    boxes: Float32[np.ndarray, "n f 4"]
    masks: Bool[np.ndarray, "n f h w"]

    def reversed(self) -> "Objects":
        """The same in the frames played backwards."""
        return Objects(self.boxes[:, ::-1], self.masks[:, ::-1])


@dataclass(frozen=True)
class MotionClip:
    """A drawn clip.

    boxes: x0 y0 x1 y1 of the object that moves in each frame, in pixels, cut at the frame's edges.
    rate: frames a second. objects: those of the scattered layout; None where there is one alone.
    """

    label: int
    frames: UInt8[np.ndarray, "f h w 3"]
    boxes: Float32[np.ndarray, "f 4"]
    rate: int
    objects: Objects | None = None

    def reversed(self) -> "MotionClip":
        """The same frames backwards, which show the partner's motion."""
        return MotionClip(
            PARTNER[self.label],
            self.frames[::-1],
            self.boxes[::-1],
            self.rate,
            None if self.objects is None else self.objects.reversed(),
        )


def draw_clip(rng: np.random.Generator, *, label: int, size: tuple[int, int]) -> MotionClip:
    """Draws a clip of a class. size: width and height of its frames, in pixels."""
    frames = int(rng.integers(FRAMES[0], FRAMES[1] + 1))
    rate = int(rng.choice(RATES))
    corners = looks.outline(rng)
    sprite = looks.sprite(rng, corners)
    offsets = shake(rng, frames) * min(size)
    placements = _placements(rng, label, frames, size)
    # The object shakes with the background, as both are seen by the same camera.
    placements[:, :, 2] += offsets
    behind = looks.background(rng, size, offsets, reach=SHAKE * min(size))
    video = looks.over(behind, looks.layers(sprite, placements, size))
    return MotionClip(label, video, looks.cut(looks.boxes(corners, placements), size), rate)


def _placements(
    rng: np.random.Generator, label: int, frames: int, size: tuple[int, int]
) -> np.ndarray:
    """Affine maps [f, 2, 3] from outline units to pixels: the motion that makes the class.

    Every class draws the same orientations, sizes at half-time and drifts; only one of sideways,
    upright, zoom and turn is large.
    """
    extent = rng.uniform(*EXTENT)
    progress = eased(rng, frames)
    sign = 1 if label % 2 else -1  # right and down are positive, away and counter-clockwise too
    amounts = rng.uniform((-0.03, -0.03, -0.05, -6), (0.03, 0.03, 0.05, 6))  # drifts: x y log turn
    kind = label // 2
    large = (
        rng.uniform(DISTANCE[0], min(DISTANCE[1], 0.98 - extent)),
        rng.uniform(DISTANCE[0], min(DISTANCE[1], 0.98 - extent)),
        -np.log(rng.uniform(*ZOOM)),
        -rng.uniform(*TURN),
    )
    # All four are drawn for every class, so that the same random numbers follow in each of them.
    amounts[kind] = sign * large[kind]
    start = rng.uniform(-0.06, 0.06, 2)
    short = min(size)
    scale = short * extent * np.exp(progress * amounts[2])
    angle = rng.uniform(0, 2 * np.pi) + np.deg2rad(progress * amounts[3])  # clockwise: y is down
    x = size[0] / 2 + short * (start[0] + progress * amounts[0])
    y = size[1] / 2 + short * (start[1] + progress * amounts[1])
    return looks.placed(scale, angle, x, y)


def eased(rng: np.random.Generator, frames: int) -> np.ndarray:
    """How far a motion has come, from -0.5 to 0.5 [f]: quicker in the middle or at the ends."""
    # A reversed clip has the same law of speeds: progress(1 - u) = -progress(u) in distribution.
    u = np.linspace(0, 1, frames)
    progress: np.ndarray = u - 0.5 + rng.uniform(-0.5, 0.5) * np.sin(2 * np.pi * u) / (2 * np.pi)
    return progress


def shake(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Camera offsets [f, 2] in short sides: a slow swing along either side of the frame."""
    u = np.linspace(0, 1, frames)[:, None]
    cycles, phase = rng.uniform(0.5, 2.5, 2), rng.uniform(0, 1, 2)
    return rng.uniform(0, SHAKE) * np.sin(2 * np.pi * (cycles * u + phase))

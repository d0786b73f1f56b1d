"""Draws a clip of the scattered layout: one object moves, and up to three like it do not.

The objects are small and anywhere in the frame, so that the middle of it says nothing, and looks
do not tell which of them moves: the others stand still, or shake without a direction. As in
`motion.py`, the random draws are in a fixed order.
"""

from dataclasses import dataclass

import numpy as np

from ila_jax.data.synthetic import looks
from ila_jax.data.synthetic.motion import (
    FRAMES,
    RATES,
    SHAKE,
    MotionClip,
    Objects,
    eased,
    shake,
)

# Lengths are in short sides of the frame.
EXTENT = (0.18, 0.28)  # longest side of an object, half-way through the clip
DISTANCE = (0.2, 0.4)
ZOOM = (1.7, 2.6)
TURN = (60.0, 170.0)  # degrees, as in `motion.py`
OTHERS = (1, 3)  # how many objects do not move
# All motion stays so far from the edges: what is left is inside a centre crop of 0.875.
EDGE = 0.085
PAN = 0.12  # of a moving camera over the clip, along either side, at most
# Of what shakes: places, logarithm of the size, degrees. All well below the motions above.
TREMBLING = (0.03, 0.06, 8.0)
# Swings over a clip. At four frames a clip, fewer than two would look like a direction.
SWINGS = (2.0, 4.0)
# So many places are tried for an object that is to be clear of the others.
_PLACES = 60


@dataclass(frozen=True)
class _Track:
    """How one object is seen, before it has a place: its corners, texture and maps [f, 2, 3]."""

    corners: np.ndarray
    texture: np.ndarray
    placements: np.ndarray

    def swept(self) -> np.ndarray:
        """The box x0 y0 x1 y1 that holds the object in all frames, in pixels."""
        boxes = looks.boxes(self.corners, self.placements)
        return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])

    def moved(self, offset: np.ndarray) -> "_Track":
        """The same elsewhere. offset: x and y, in pixels."""
        placements = self.placements.copy()
        placements[:, :, 2] += offset
        return _Track(self.corners, self.texture, placements)


def draw_clip(
    rng: np.random.Generator, *, label: int, size: tuple[int, int], moving_camera: bool = False
) -> MotionClip:
    """Draws a clip of a class. size: width and height of its frames, in pixels.

    moving_camera: whether the camera pans evenly over the scene, and all that is in it moves along.
    """
    frames = int(rng.integers(FRAMES[0], FRAMES[1] + 1))
    rate = int(rng.choice(RATES))
    reach = SHAKE + (PAN / 2 if moving_camera else 0)
    camera = shake(rng, frames)
    # Drawn in any case, so that the same scene follows with a camera that moves and one that rests.
    pan = np.linspace(-0.5, 0.5, frames)[:, None] * rng.uniform(-PAN, PAN, 2)
    camera = (camera + pan * moving_camera) * min(size)
    tracks = _placed(rng, label, frames, size, camera)
    behind = looks.background(rng, size, camera, reach=reach * min(size))
    layers = [looks.layers(track.texture, track.placements, size) for track in tracks]
    # The object that moves is drawn last: where there is no room for all, nothing hides it.
    for layer in layers[::-1]:
        behind = looks.over(behind, layer)
    boxes = np.stack(
        [looks.cut(looks.boxes(track.corners, track.placements), size) for track in tracks]
    )
    objects = Objects(boxes, _visible(np.stack(layers)))
    return MotionClip(label, behind, boxes[0], rate, objects)


def _placed(
    rng: np.random.Generator, label: int, frames: int, size: tuple[int, int], camera: np.ndarray
) -> list[_Track]:
    """The object that moves, and those that do not, each at a place of its own."""
    tracks: list[_Track] = []
    for number in range(1 + int(rng.integers(OTHERS[0], OTHERS[1] + 1))):
        motion = _moving(rng, label, frames) if number == 0 else _not_moving(rng, frames)
        corners = looks.outline(rng)
        texture = looks.sprite(rng, corners)
        track = _Track(corners, texture, _in_pixels(rng, motion, camera, min(size)))
        tracks.append(track.moved(_free_place(rng, track, tracks, size)))
    return tracks


def _moving(rng: np.random.Generator, label: int, frames: int) -> np.ndarray:
    """What changes over a clip [f, 4]: x, y, logarithm of the size, degrees; one of them much."""
    progress = eased(rng, frames)
    amounts = rng.uniform((-0.03, -0.03, -0.05, -6), (0.03, 0.03, 0.05, 6))
    large = rng.uniform(
        (DISTANCE[0], DISTANCE[0], np.log(ZOOM[0]), TURN[0]),
        (DISTANCE[1], DISTANCE[1], np.log(ZOOM[1]), TURN[1]),
    )
    # Right, down, away and counter-clockwise are the second of a pair; y goes down, and so an angle
    # that grows turns clockwise.
    signs = np.array([1, 1, -1, -1]) * (1 if label % 2 else -1)
    amounts[label // 2] = (signs * large)[label // 2]
    return progress[:, None] * amounts


def _not_moving(rng: np.random.Generator, frames: int) -> np.ndarray:
    """The same of an object that stands still, or shakes around its place: half of them do."""
    u = np.linspace(0, 1, frames)[:, None]
    cycles, phase = rng.uniform(*SWINGS, 4), rng.uniform(0, 1, 4)
    place, scale, turn = TREMBLING
    most = rng.uniform(0.5, 1, 4) * (place, place, scale, turn) * rng.integers(0, 2)
    swing: np.ndarray = most * np.sin(2 * np.pi * (cycles * u + phase))
    return swing


def _in_pixels(
    rng: np.random.Generator, motion: np.ndarray, camera: np.ndarray, short: int
) -> np.ndarray:
    """Affine maps [f, 2, 3] of an object around the upper left corner of the frame."""
    scale = short * rng.uniform(*EXTENT) * np.exp(motion[:, 2])
    angle = rng.uniform(0, 2 * np.pi) + np.deg2rad(motion[:, 3])
    x, y = (short * motion[:, :2] + camera).T
    return looks.placed(scale, angle, x, y)


def _free_place(
    rng: np.random.Generator, track: _Track, others: list[_Track], size: tuple[int, int]
) -> np.ndarray:
    """The offset x, y in pixels that puts an object anywhere it fits, clear of the others.

    The first of `_PLACES` places that is clear; where none is, the one with the least overlap.
    """
    swept, short = track.swept(), min(size)
    # The square in the middle of a wider frame: a centre crop shows no more.
    corner = (np.array(size) - short) / 2 + EDGE * short
    room = (1 - 2 * EDGE) * short - (swept[2:] - swept[:2])
    # What sweeps more than there is has a negative room: it hangs over on both sides.
    offsets = corner - swept[:2] + rng.uniform(0, 1, (_PLACES, 2)) * room
    overlaps = sum(
        (_overlaps(swept + np.tile(offsets, 2), other.swept()) for other in others),
        np.zeros(_PLACES),
    )
    place: np.ndarray = offsets[np.argmin(overlaps)]
    return place


def _overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The areas that boxes [n, 4] share with one, in square pixels."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    areas: np.ndarray = np.maximum(sides, 0).prod(axis=1)
    return areas


def _visible(layers: np.ndarray) -> np.ndarray:
    """Where each object [n, f, h, w] is what one sees: half opaque, and under no other."""
    opaque = layers[..., 3] > 127
    # An object lies over those behind it in the list.
    hidden = np.cumsum(opaque, axis=0) - opaque > 0
    visible: np.ndarray = opaque & ~hidden
    return visible

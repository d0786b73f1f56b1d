"""Draws a clip of the motion pairs: a bright textured object that moves in one of eight ways.

What the quickstart's data set has to be like is in motion-pairs.md. `videos.py`
makes files of the clips.

The random draws are in a fixed order, and another order would give other videos for the same seed.
Who changes them raises VERSION in `motion_pairs.py`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

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
SPRITE = 64  # pixels along a side of the texture
SUPERSAMPLING = 2  # pixels along a side that are averaged to one, for smooth edges

# Outlines in [-.5, .5]², y down, none equal to itself after a turn of less than 360 degrees.
OUTLINES = (
    ((-0.3, -0.5), (0.02, -0.5), (0.02, 0.18), (0.36, 0.18), (0.36, 0.5), (-0.3, 0.5)),  # L
    ((0.0, -0.5), (0.38, -0.05), (0.15, -0.05), (0.15, 0.5), (-0.15, 0.5), (-0.15, -0.05),
     (-0.38, -0.05)),  # arrow
    ((-0.06, -0.5), (0.06, -0.5), (0.36, 0.5), (-0.36, 0.5)),  # wedge
    ((-0.4, -0.5), (0.4, -0.5), (0.4, -0.18), (0.15, -0.18), (0.15, 0.5), (-0.15, 0.5),
     (-0.15, -0.18), (-0.4, -0.18)),  # hammer
    ((-0.3, -0.5), (0.38, -0.5), (0.38, 0.0), (0.0, 0.0), (0.0, 0.5), (-0.3, 0.5)),  # flag
)  # fmt: skip


@dataclass(frozen=True)
class MotionClip:
    """A drawn clip.

    boxes: x0 y0 x1 y1 of the object in each frame, in pixels, cut at the frame's edges. rate:
    frames a second.
    """

    label: int
    frames: UInt8[np.ndarray, "f h w 3"]
    boxes: Float32[np.ndarray, "f 4"]
    rate: int

    def reversed(self) -> "MotionClip":
        """The same frames backwards, which show the partner's motion."""
        return MotionClip(PARTNER[self.label], self.frames[::-1], self.boxes[::-1], self.rate)


def draw_clip(rng: np.random.Generator, *, label: int, size: tuple[int, int]) -> MotionClip:
    """Draws a clip of a class. size: width and height of its frames, in pixels."""
    frames = int(rng.integers(FRAMES[0], FRAMES[1] + 1))
    rate = int(rng.choice(RATES))
    outline = _outline(rng)
    sprite = _sprite(rng, outline)
    shake = _shake(rng, frames) * min(size)
    placements = _placements(rng, label, frames, size)
    # The object shakes with the background, as both are seen by the same camera.
    placements[:, :, 2] += shake
    background = _background(rng, size, shake)
    video = _composite(sprite, background, placements, size)
    return MotionClip(label, video, _boxes(outline, placements, size), rate)


def _placements(
    rng: np.random.Generator, label: int, frames: int, size: tuple[int, int]
) -> np.ndarray:
    """Affine maps [f, 2, 3] from outline units to pixels: the motion that makes the class.

    Every class draws the same orientations, sizes at half-time and drifts; only one of sideways,
    upright, zoom and turn is large.
    """
    extent = rng.uniform(*EXTENT)
    # A reversed clip has the same law of speeds: progress(1 - u) = 1 - progress(u) in distribution.
    u = np.linspace(0, 1, frames)
    progress = u - 0.5 + rng.uniform(-0.5, 0.5) * np.sin(2 * np.pi * u) / (2 * np.pi)
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
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    x = size[0] / 2 + short * (start[0] + progress * amounts[0])
    y = size[1] / 2 + short * (start[1] + progress * amounts[1])
    return np.stack([np.stack([cos, -sin, x], -1), np.stack([sin, cos, y], -1)], 1)


def _outline(rng: np.random.Generator) -> np.ndarray:
    """Corners [n, 2] of a shape, bent a little, narrowed, and mirrored half the time."""
    corners = np.array(OUTLINES[rng.integers(len(OUTLINES))])
    # Each corner by itself, so that no two clips show the same shape.
    corners = corners + rng.uniform(-0.04, 0.04, corners.shape)
    corners[:, 0] *= rng.uniform(0.85, 1.1) * rng.choice((-1, 1))
    bent: np.ndarray = np.clip(corners, -0.5, 0.5)
    return bent


def _sprite(rng: np.random.Generator, outline: np.ndarray) -> np.ndarray:
    """The object as a premultiplied RGBA texture, uint8 [SPRITE, SPRITE, 4].

    It is bright, and its head has another colour than its body.
    """
    head, body = (_colour(rng, 150, 240) for _ in range(2))
    rows = np.arange(SPRITE)[:, None, None] < SPRITE * rng.uniform(0.3, 0.5)
    cells = rng.uniform(0.72, 1.15, (8, 8)).astype(np.float32)
    texture = cv2.resize(cells, (SPRITE, SPRITE), interpolation=cv2.INTER_LINEAR)[..., None]
    mask = np.zeros((SPRITE, SPRITE), np.uint8)
    shift = 4  # fixed-point bits of fillPoly's corners
    # The outline leaves two pixels free on every side: warped, the sprite ends in nothing.
    corners = np.round(((outline + 0.5) * (SPRITE - 4) + 1.5) * 2**shift).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift)
    colour = np.clip(np.where(rows, head, body) * texture, 0, 255) * (mask[..., None] / 255)
    return np.concatenate([colour, mask[..., None]], -1).astype(np.uint8)


def _colour(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """A random hue whose mean over the channels is between low and high."""
    hue = rng.uniform(0.35, 1, 3)
    colour: np.ndarray = np.clip(hue / hue.mean() * rng.uniform(low, high), 0, 255)
    return colour


def _shake(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Camera offsets [f, 2] in short sides: a slow swing along either side of the frame."""
    u = np.linspace(0, 1, frames)[:, None]
    cycles, phase = rng.uniform(0.5, 2.5, 2), rng.uniform(0, 1, 2)
    return rng.uniform(0, SHAKE) * np.sin(2 * np.pi * (cycles * u + phase))


def _background(rng: np.random.Generator, size: tuple[int, int], shake: np.ndarray) -> np.ndarray:
    """A dark textured background, uint8 [f, h, w, 3], moved by the camera's shake."""
    cells = rng.normal(0, rng.uniform(6, 16), (9, 12, 3)) + _colour(rng, 20, 90)
    width, height = size
    margin = 4 + int(2 * SHAKE * min(size))  # so that no shake comes to the picture's edge
    wide = (width + 2 * margin, height + 2 * margin)
    picture = np.clip(cv2.resize(cells, wide, interpolation=cv2.INTER_CUBIC), 0, 255)
    picture = picture.astype(np.uint8)
    moves = np.tile(np.array([[1.0, 0, -margin], [0, 1, -margin]]), (len(shake), 1, 1))
    moves[:, :, 2] += shake
    return np.stack([cv2.warpAffine(picture, move, size) for move in moves])


def _composite(
    sprite: np.ndarray, background: np.ndarray, placements: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """The sprite over the background, uint8 [f, h, w, 3], with supersampled edges."""
    # From pixels of the sprite to outline units, the way back of the corners in `_sprite`.
    to_outline = np.array([[1.0, 0, -1.5], [0, 1, -1.5]]) / (SPRITE - 4)
    to_outline[:, 2] -= 0.5
    square = np.concatenate([to_outline, [[0, 0, 1]]])
    maps = placements @ square
    # Pixel centres: pixel i of the frame covers pixels i·s … i·s + s - 1 of the fine picture.
    maps = maps * SUPERSAMPLING
    maps[:, :, 2] -= 0.5
    fine = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    layers = np.stack(
        [
            cv2.resize(cv2.warpAffine(sprite, move, fine), size, interpolation=cv2.INTER_AREA)
            for move in maps
        ]
    )
    through = 1 - layers[..., 3:].astype(np.float32) / 255
    # The colours are premultiplied: they are added, and only the background is weighted.
    video: np.ndarray = np.minimum(background * through + layers[..., :3] + 0.5, 255)
    return video.astype(np.uint8)


def _boxes(outline: np.ndarray, placements: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bounding boxes of the corners under each map, float32 [f, 4], cut at the frame."""
    corners = np.einsum("fij,nj->fni", placements[:, :, :2], outline) + placements[:, None, :, 2]
    boxes = np.concatenate([corners.min(1), corners.max(1)], -1)
    cut: np.ndarray = np.clip(boxes, 0, np.tile(size, 2))
    return cut.astype(np.float32)

"""Draws what is seen in motion pairs: bright textured objects over a dark textured background.

How they move is in `motion.py` and `scattered.py`. The random draws are in a fixed order, as said
there.
"""

import cv2
import numpy as np

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


def outline(rng: np.random.Generator) -> np.ndarray:
    """Corners [n, 2] of a shape, bent a little, narrowed, and mirrored half the time."""
    return bent(rng, np.array(OUTLINES[rng.integers(len(OUTLINES))]))


def bent(rng: np.random.Generator, corners: np.ndarray) -> np.ndarray:
    """An outline's corners [n, 2], each moved a little, the whole narrowed, and mirrored or not."""
    # Each corner by itself, so that no two clips show the same shape.
    corners = corners + rng.uniform(-0.04, 0.04, corners.shape)
    corners[:, 0] *= rng.uniform(0.85, 1.1) * rng.choice((-1, 1))
    within: np.ndarray = np.clip(corners, -0.5, 0.5)
    return within


def sprite(rng: np.random.Generator, corners: np.ndarray) -> np.ndarray:
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
    points = np.round(((corners + 0.5) * (SPRITE - 4) + 1.5) * 2**shift).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, shift)
    colour = np.clip(np.where(rows, head, body) * texture, 0, 255) * (mask[..., None] / 255)
    return np.concatenate([colour, mask[..., None]], -1).astype(np.uint8)


def _colour(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """A random hue whose mean over the channels is between low and high."""
    hue = rng.uniform(0.35, 1, 3)
    colour: np.ndarray = np.clip(hue / hue.mean() * rng.uniform(low, high), 0, 255)
    return colour


def background(
    rng: np.random.Generator, size: tuple[int, int], camera: np.ndarray, *, reach: float
) -> np.ndarray:
    """A dark textured background, uint8 [f, h, w, 3], moved by the camera.

    camera: its offset in each frame [f, 2], in pixels. reach: the most that it can be.
    """
    cells = rng.normal(0, rng.uniform(6, 16), (9, 12, 3)) + _colour(rng, 20, 90)
    width, height = size
    margin = 4 + int(2 * reach)  # so that no offset comes to the picture's edge
    wide = (width + 2 * margin, height + 2 * margin)
    picture = np.clip(cv2.resize(cells, wide, interpolation=cv2.INTER_CUBIC), 0, 255)
    picture = picture.astype(np.uint8)
    moves = np.tile(np.array([[1.0, 0, -margin], [0, 1, -margin]]), (len(camera), 1, 1))
    moves[:, :, 2] += camera
    return np.stack([cv2.warpAffine(picture, move, size) for move in moves])


def layers(texture: np.ndarray, placements: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An object alone, premultiplied RGBA, uint8 [f, h, w, 4], with supersampled edges.

    texture: that of `sprite`. placements: affine maps [f, 2, 3] from outline units to pixels.
    """
    # From pixels of the sprite to outline units, the way back of the corners in `sprite`.
    to_outline = np.array([[1.0, 0, -1.5], [0, 1, -1.5]]) / (SPRITE - 4)
    to_outline[:, 2] -= 0.5
    square = np.concatenate([to_outline, [[0, 0, 1]]])
    maps = placements @ square
    # Pixel centres: pixel i of the frame covers pixels i·s … i·s + s - 1 of the fine picture.
    maps = maps * SUPERSAMPLING
    maps[:, :, 2] -= 0.5
    fine = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    return np.stack(
        [
            cv2.resize(cv2.warpAffine(texture, move, fine), size, interpolation=cv2.INTER_AREA)
            for move in maps
        ]
    )


def over(behind: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """An object over what is behind it, uint8 [f, h, w, 3]. layer: that of `layers`."""
    through = 1 - layer[..., 3:].astype(np.float32) / 255
    # The colours are premultiplied: they are added, and only what is behind is weighted.
    video: np.ndarray = np.minimum(behind * through + layer[..., :3] + 0.5, 255)
    return video.astype(np.uint8)


def placed(scale: np.ndarray, angle: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Affine maps [f, 2, 3] from outline units to pixels: scaled, turned, and put at (x, y)."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.stack([np.stack([cos, -sin, x], -1), np.stack([sin, cos, y], -1)], 1)


def boxes(corners: np.ndarray, placements: np.ndarray) -> np.ndarray:
    """Bounding boxes x0 y0 x1 y1 of an outline's corners under each map, [f, 4], in pixels."""
    points = np.einsum("fij,nj->fni", placements[:, :, :2], corners) + placements[:, None, :, 2]
    return np.concatenate([points.min(1), points.max(1)], -1)


def cut(uncut: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes cut at the frame's edges, float32."""
    within: np.ndarray = np.clip(uncut, 0, np.tile(size, 2))
    return within.astype(np.float32)

"""Draws masks, points and heat over the frames of a clip; every picture is uint8 RGB."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

# Points: where a frame is the earlier one of a pair, and where it is the later one.
EARLIER, LATER = (255, 140, 0), (0, 200, 255)
# The brightness where a mask is zero: enough to see what it leaves out.
_DARKEST = 0.15
# The share of the colours in a picture of heat. The rest is the frame in grey.
_HEAT = 0.65

Frames = UInt8[np.ndarray, "t h w 3"]


def enlarged(frames: Frames, side: int) -> Frames:
    """The frames in squares of `side` pixels."""
    return np.stack(
        [cv2.resize(frame, (side, side), interpolation=cv2.INTER_CUBIC) for frame in frames]
    )


def mask_overlay(
    frames: Frames, masks: Float[np.ndarray, "t g g"], points: Float[np.ndarray, "s 2 2"]
) -> Frames:
    """Each frame as bright as its patches' weights, with rings around its interactive points.

    frames: the clip at the size of the picture (`enlarged`). masks: weights from 0 to 1 that the
    block gives the patches of every frame, both pairs of a frame taken together
    (`models.temporal.alignment.per_frame`). points: for the s = t − 1 pairs, (x, y) in the earlier
    and in the later frame. Orange rings are a frame's as the earlier of a pair, blue as the later.
    """
    out = np.stack([dimmed(frame, mask) for frame, mask in zip(frames, masks, strict=True)])
    for s, (earlier, later) in enumerate(points):
        ring(out[s], earlier, masks.shape[1], EARLIER)
        ring(out[s + 1], later, masks.shape[1], LATER)
    return out


def dimmed(frame: UInt8[np.ndarray, "h w 3"], mask: Float[np.ndarray, "g g"]) -> np.ndarray:
    """A frame, darker where its mask is low."""
    weight = _spread(mask, frame.shape)[..., None]
    # + 0.5, since the cast to uint8 cuts off.
    return (frame * (_DARKEST + (1 - _DARKEST) * weight) + 0.5).astype(np.uint8)


def ring(
    frame: UInt8[np.ndarray, "h w 3"],
    point: Float[np.ndarray, "2"],
    grid: int,
    colour: tuple[int, int, int],
) -> None:
    """Draws a ring around a point, into the frame."""
    height, width = frame.shape[:2]
    # Thickness and size go with the picture: a ring of one size hides a small frame.
    x, y = in_frame(point, grid) * (width, height)
    line = max(1, height // 80)
    centre = (int(np.floor(x)), int(np.floor(y)))
    cv2.circle(frame, centre, max(2, height // 22), colour, line, cv2.LINE_AA)


def in_frame(points: Float[np.ndarray, "*m 2"], grid: int) -> Float[np.ndarray, "*m 2"]:
    """Points on the lines linspace(−1, 1, g), the patches' centres, as shares of a frame's sides.

    −1 is half a patch from the frame's edge: 0.5 / g.
    """
    return ((np.asarray(points) + 1) / 2 * (grid - 1) + 0.5) / grid


def heat_overlay(
    frames: Frames, heat: Float[np.ndarray, "t g g"], *, scale: tuple[float, float]
) -> Frames:
    """Heat of the patches in colours over grey frames: violet is the scale's low end, yellow high.

    Patches stay squares: nothing is known between them.
    """
    low, high = scale
    # A map that is the same everywhere has no scale: it is drawn as the lowest value.
    share = (heat - low) / (high - low) if high > low else np.zeros_like(heat)
    levels = (255 * np.clip(share, 0, 1) + 0.5).astype(np.uint8)
    return np.stack([_coloured(*pair) for pair in zip(frames, levels, strict=True)])


def _coloured(frame: np.ndarray, levels: UInt8[np.ndarray, "g g"]) -> np.ndarray:
    """A frame in grey under the colours of its patches' levels."""
    # Viridis, which also reads in grey and to colour-blind eyes. OpenCV gives BGR.
    colours = cv2.applyColorMap(_spread(levels, frame.shape), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None]
    return (_HEAT * colours + (1 - _HEAT) * grey + 0.5).astype(np.uint8)


def _spread(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of patches [g, g] on the pixels of a frame [h, w]."""
    return cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)

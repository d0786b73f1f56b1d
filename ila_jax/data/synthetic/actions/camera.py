"""Where a camera looks in each frame: on a tripod, in a hand, panning, zooming."""

import numpy as np
from jaxtyping import Float64

from ila_jax.data.synthetic.actions.sprites import Affine

SHAKE = 0.012  # short sides, of a camera in a hand
PAN = 0.06  # short sides, over a clip, to either side of the middle
ZOOM = 0.1  # of the size, over a clip
TILT = np.deg2rad(2.5)
# How much farther than the frame the camera may see, in short sides.
MARGIN = 0.3


def camera_maps(
    rng: np.random.Generator, style: tuple[float, float, float], size: tuple[int, int], frames: int
) -> Float64[np.ndarray, "f 2 3"]:
    """Maps from scene units around the middle of the scene to pixels, one for each frame.

    style: how much of the shake, the pan and the zoom there is, 0 to 1 each. size: width and height
    of the frames in pixels.
    """
    shake, pan, zoom = style
    u = np.linspace(-1, 1, frames)
    waves = SHAKE * shake * _waves(rng, frames, 2)
    way = rng.uniform(-1, 1, 2) * (PAN, 0.6 * PAN) * pan
    middle = u[:, None] * way + waves
    large = np.exp(u * rng.uniform(-1, 1) * ZOOM * zoom + rng.uniform(-0.04, 0.04))
    turn = rng.uniform(-1, 1) * TILT + 0.3 * TILT * shake * _waves(rng, frames, 1)[:, 0]
    cos, sin = large * np.cos(turn) * min(size), large * np.sin(turn) * min(size)
    maps = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], 1)
    at = np.array(size) / 2 - 0.5 - np.einsum("fij,fj->fi", maps, middle)
    return np.concatenate([maps, at[..., None]], -1)


def still(size: tuple[int, int], scale: float) -> Affine:
    """The map of a picture that shows the scene straight. scale: pixels to a scene unit."""
    return np.array([[scale, 0, size[0] / 2 - 0.5], [0, scale, size[1] / 2 - 0.5]])


def _waves(rng: np.random.Generator, frames: int, count: int) -> np.ndarray:
    """Restless motions [f, count]: sums of swings of several speeds, with a deviation of 1."""
    u = np.linspace(0, 1, frames)[:, None, None]
    cycles, phase = rng.uniform(1, 14, (2, 4, count))
    swings: np.ndarray = (np.sin(2 * np.pi * (cycles * u + phase)) / np.sqrt(cycles)).sum(1)
    return swings / max(float(swings.std()), 1e-6)

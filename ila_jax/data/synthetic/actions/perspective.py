"""From places on and above the table to the picture, and back.

The picture's x and y are in scene units, short sides of the frame, from its middle; y is downwards.
"""

import numpy as np

from ila_jax.data.synthetic.actions.play import Place

NEAR, STEEP = 0.36, 0.34  # y of the table's near edge, and from there up to the far one
SMALLER = 0.22  # how much smaller things are at the far edge


def on_screen(place: Place) -> tuple[float, float]:
    """x and y of a place."""
    x, height, depth = place
    return float(x), float(NEAR - STEEP * depth - height * size_at(depth))


def off_screen(x: float, y: float, depth: float) -> Place:
    """The place that is seen at x and y, at a depth."""
    return np.array([x, (NEAR - STEEP * depth - y) / size_at(depth), depth])


def size_at(depth: float) -> float:
    """How large things look, of what they do at the near edge."""
    return 1 - SMALLER * depth

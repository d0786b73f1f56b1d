"""Videos to try the page on: fresh motion pairs, for a model that was trained on such."""

from pathlib import Path

import numpy as np

from ila_jax.data.synthetic.motion import CLASSES, draw_clip
from ila_jax.data.synthetic.videos import encode

_SIZE = (256, 192)  # width and height: larger than the quickstart's, so that people see something
_SEED = 1_000_003  # not one that data sets are likely to be made with


def draw_examples(folder: Path) -> dict[str, Path]:
    """A clip of each motion, by its name."""
    found = {}
    for label, name in enumerate(CLASSES):
        path = folder / f"{name.replace(' ', '_')}.mp4"
        encode(draw_clip(np.random.default_rng([_SEED, label]), label=label, size=_SIZE), path)
        found[name] = path
    return found

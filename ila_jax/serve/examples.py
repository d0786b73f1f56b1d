"""Videos to try the page on: fresh motion pairs, for a model that was trained on such."""

from pathlib import Path

import numpy as np

from ila_jax.data.synthetic.motion import CLASSES, draw_clip
from ila_jax.data.synthetic.videos import encode

# Width and height: larger than the quickstart's videos, so that people see something.
_SIZE = (256, 192)
# No data set is likely to be made with this seed: the model has not seen these videos in training.
_SEED = 1_000_003


def draw_examples(folder: Path) -> dict[str, Path]:
    """Draws a video of each motion into a folder; returns their paths by the motion's name."""
    examples = {}
    for label, name in enumerate(CLASSES):
        path = folder / f"{name.replace(' ', '_')}.mp4"
        encode(draw_clip(np.random.default_rng([_SEED, label]), label=label, size=_SIZE), path)
        examples[name] = path
    return examples

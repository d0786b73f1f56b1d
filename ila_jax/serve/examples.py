"""Videos to try the page on: those that were named, or fresh motion pairs."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ila_jax.data.synthetic.motion import CLASSES, draw_clip
from ila_jax.data.synthetic.videos import encode

# Width and height: larger than the quickstart's videos, so that people see something.
_SIZE = (256, 192)
# No data set is likely to be made with this seed: the model has not seen these videos in training.
_SEED = 1_000_003


def name_examples(paths: Iterable[Path]) -> dict[str, Path]:
    """Videos by the names of their files, and by their whole paths where several have one name."""
    different = dict.fromkeys(paths)
    names = Counter(path.name for path in different)
    return {path.name if names[path.name] == 1 else str(path): path for path in different}


def draw_examples(folder: Path) -> dict[str, Path]:
    """Draws a video of each motion into a folder; returns their paths by the motion's name."""
    examples = {}
    for label, name in enumerate(CLASSES):
        path = folder / f"{name.replace(' ', '_')}.mp4"
        encode(draw_clip(np.random.default_rng([_SEED, label]), label=label, size=_SIZE), path)
        examples[name] = path
    return examples

"""Data sets in the published formats, with drawn videos, and a model with a text head."""

from pathlib import Path

import numpy as np
import pytest

from ila_jax.data.synthetic.motion import draw_clip
from tests.data.sources import published
from tests.data.split.recut import write

MOTIONS = {name: label for label, name in zip((0, 2, 6), published.HMDB, strict=True)}


def draw(path: Path, name: str) -> None:
    """A clip of eight frames in which something moves as its class says."""
    seed = [MOTIONS[name], *path.name.encode()]
    drawn = draw_clip(np.random.default_rng(seed), label=MOTIONS[name], size=(24, 32))
    write(path, list(drawn.frames[:8]), crf=30)


@pytest.fixture(scope="session")
def hmdb51(tmp_path_factory):
    """(lists, videos) of three classes: with eight devices, a step needs 16 clips to train on."""
    return published.hmdb51(tmp_path_factory.mktemp("hmdb51"), draw=draw, clips=6)


@pytest.fixture(scope="session")
def text_weights(tmp_path_factory):
    """A folder of weights with a text head, as a string. They know two classes of other data."""
    from ila_jax.recognizer import Recognizer
    from ila_jax.weights.folder import save
    from tests.models import small

    config = small.config("spatial", "text")
    folder = tmp_path_factory.mktemp("weights") / "text"
    save(Recognizer(config, small.filled(config), ["running", "sitting"]), folder)
    return str(folder)

"""Drawn clips in a folder for each class, tiny and quick to read."""

import numpy as np
import pytest

from ila_jax.data.synthetic.motion import draw_clip
from tests.data.split.recut import write

CLASSES = {"going_left": 0, "going_up": 2, "turning": 6}


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Three folders of nine clips each: with eight devices, a step needs 16 to train on."""
    root = tmp_path_factory.mktemp("own") / "clips"
    for name, label in CLASSES.items():
        (root / name).mkdir(parents=True)
        for k in range(9):
            drawn = draw_clip(np.random.default_rng([label, k]), label=label, size=(48, 64))
            # Names that say nothing of a source video.
            path = root / name / f"{'abcdefghi'[k]}{name[-2:]}.mp4"
            write(path, list(drawn.frames[:12]), crf=30)
    return root


@pytest.fixture(scope="session")
def planned(clips, tmp_path_factory):
    """(clips, folder): what --plan has made of the clips."""
    from ila_jax.finetune.__main__ import main

    folder = tmp_path_factory.mktemp("planned") / "work"
    assert (
        main(
            [
                str(clips),
                "--workdir",
                str(folder),
                "--plan",
                "--processes",
                "2",
                "--temporal",
                "spatial",
            ]
        )
        == 0
    )
    return clips, folder

"""Several models on the windows of one video say what each says alone, from one decode."""

import numpy as np
import pytest

from ila_jax.answers.timeline import timeline, timelines
from ila_jax.data.clips import windows as windows_module
from ila_jax.data.clips.windows import Windows
from ila_jax.recognizer import Recognizer
from tests.data.videos import write_video
from tests.models import small

NAMES = ["one", "two", "three", "four", "five"]


def recognizer(temporal, **views):
    config = small.config(temporal)
    return Recognizer(config, small.filled(config), NAMES).with_views(**views)


def test_models_say_together_what_each_says_alone(tmp_path, monkeypatch):
    windows = Windows(write_video(tmp_path / "clip.mp4", count=60), seconds=1)
    models = [
        recognizer("spatial", clips=1, crops=1),
        recognizer("ila", clips=1, crops=3),
        recognizer("ila", clips=2, crops=1),
    ]
    alone = [list(timeline(model, windows)) for model in models]
    opened = []
    frames_of = windows_module.frames_of
    monkeypatch.setattr(
        windows_module, "frames_of", lambda *args: opened.append(1) or frames_of(*args)
    )
    together = timelines(models, windows)
    assert len(opened) == 2  # one crop and three are cut from frames of two sizes
    for first, second in zip(alone, together, strict=True):
        assert len(first) == 3
        for a, b in zip(first, second, strict=True):
            assert (a.start, a.end) == (b.start, b.end)
            np.testing.assert_array_equal(a.probabilities, b.probabilities)


def test_a_model_without_class_names_is_told_before_the_first_window(tmp_path):
    windows = Windows(write_video(tmp_path / "clip.mp4", count=10), seconds=1)
    config = small.config("spatial")
    nameless = Recognizer(config, small.filled(config))
    with pytest.raises(ValueError, match="does not know what its classes are called"):
        timelines([recognizer("spatial", clips=1, crops=1), nameless], windows)

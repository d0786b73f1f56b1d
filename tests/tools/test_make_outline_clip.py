"""The tower that knows objects' names: its pictures, and that ILA starts from its weights."""

import numpy as np
import pytest

from ila_jax.data.synthetic.looks import OUTLINES
from ila_jax.weights.folder import load
from tools import make_outline_clip
from tools.make_outline_clip import NAMES, draw


def test_a_picture_shows_what_it_is_said_to_show():
    pictures = draw(40)
    assert pictures.image.shape == (40, 32, 32, 3)
    assert len(NAMES) == len(OUTLINES) == pictures.shown.shape[1]
    kinds = pictures.shown.sum(axis=1)
    assert set(kinds) <= {1, 2, 3, 4}
    assert pictures.shown.sum(axis=0).min() > 5
    # Objects are far brighter than what is around them, and more of them are more of that.
    bright = (pictures.image.mean(axis=-1) > 120).mean(axis=(1, 2))
    assert bright.min() > 0.01
    assert bright[kinds > 2].mean() > bright[kinds == 1].mean()
    np.testing.assert_array_equal(draw(3).image, pictures.image[:3])


@pytest.mark.slow
def test_a_tower_of_two_steps_is_a_folder_of_weights(tmp_path, monkeypatch):
    folder = str(tmp_path / "weights")
    monkeypatch.setattr("sys.argv", ["", "--output", folder, "--pictures", "70", "--steps", "2"])
    make_outline_clip.main()
    made = load(folder)
    assert (made.config.temporal, made.config.geometry().grid) == ("spatial", 8)
    fresh = make_outline_clip.model.initialize(made.config, make_outline_clip.SEED)
    kernel = "visual", "embed", "patches", "kernel"
    one, other = made.variables.params, fresh.params
    for key in kernel:
        one, other = one[key], other[key]
    assert np.abs(np.asarray(one) - np.asarray(other)).max() > 1e-5

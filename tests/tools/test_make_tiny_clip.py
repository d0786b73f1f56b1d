"""The weights of the trial: what the tower is asked, and that they are loaded as weights are."""

import numpy as np
import pytest

from ila_jax.weights.folder import load
from tools import make_tiny_clip
from tools.make_tiny_clip import AWAY, Pictures, targets


def test_targets_by_hand():
    """A left hand at (0.2, 0.3) that holds, none at the right; in the other, both are away."""
    hands = np.array([[[0.2, 0.3, 1], [1.7, 0.5, 0]], [[-1, 0, 0], [2, 0, 0]]], np.float32)
    things = np.array([[[0.9, 0.5], [AWAY, AWAY]]] * 2, np.float32)
    pictures = Pictures(np.zeros((2, 64, 64, 3), np.uint8), hands, things)
    asked = targets(pictures)
    np.testing.assert_allclose(asked.places[0], [0.2, 0.3, 0.2, 0.3], atol=1e-6)
    assert asked.flags.tolist() == [[1, 0, 1], [0, 0, 0]]
    # Middles are at 1/16 of a side and every 1/8 from there: within 0.1 is column 1, row 2.
    assert np.flatnonzero(asked.near[0, :, 0]).tolist() == [2 * 8 + 1]
    assert not asked.near[1, :, 0].any()
    np.testing.assert_allclose(targets(pictures.mirrored()).places[0, 0], 0.8, atol=1e-6)
    np.testing.assert_allclose(targets(pictures.mirrored()).thing[0], [0.1, 0.5], atol=1e-6)


@pytest.mark.slow
def test_a_tower_of_two_steps_is_a_folder_of_weights(tmp_path, monkeypatch):
    folder = str(tmp_path / "weights")
    monkeypatch.setattr("sys.argv", ["", "--output", folder, "--scenes", "3", "--steps", "2"])
    make_tiny_clip.main()
    made = load(folder)
    assert (made.config.geometry().embed, made.config.temporal) == (512, "spatial")
    kernel = np.asarray(made.variables.params["visual"]["projection"]["kernel"])
    assert np.linalg.matrix_rank(kernel) == 64

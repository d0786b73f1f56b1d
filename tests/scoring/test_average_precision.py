"""Mean average precision by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from ila_jax.scoring.average_precision import average_precision, mean_average_precision


def test_by_hand():
    """Ranked they are right, wrong, right: precision 1 at recall 1/2, and 2/3 at recall 1."""
    scores, truth = np.array([0.2, 0.9, 0.5]), np.array([True, True, False])
    assert average_precision(scores, truth) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_equal_scores_are_taken_together_in_whatever_order():
    """Of three equal videos one is right: precision 1/3 where all recall is won."""
    for place in range(3):
        assert average_precision(np.zeros(3), np.arange(3) == place) == pytest.approx(1 / 3)


def test_a_class_without_a_video_is_left_out():
    scores = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.4]])
    several = np.array([[1, 0, 0], [1, 1, 0]])
    assert mean_average_precision(scores, several) == pytest.approx((1 + 1) / 2)
    # One label a video: class 2 ranks video 1 first, and its own is video 0.
    assert mean_average_precision(scores, np.array([2, 1])) == pytest.approx((1 / 2 + 1) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    truth = rng.random((80, 6)) < 0.2
    truth[0] = True  # of every class at least one
    # In steps of 0.1, so that many are equal.
    scores = np.round(rng.random((80, 6)) + 0.3 * truth, 1)
    expected = average_precision_score(truth, scores, average="macro")
    assert mean_average_precision(scores, truth) == pytest.approx(expected, abs=1e-9)

"""Which classes are named of a video, by hand."""

import numpy as np
import pytest

from ila_jax.predictions import Prediction, best_classes, check_wanted

NAMES = ["a", "b", "c", "d", "e", "f"]
SHARES = np.array([0.125, 0.25, 0.25, 0.0625, 0.3125, 0.0])


@pytest.mark.parametrize(
    ("top_k", "threshold", "expected"),
    [
        (None, None, "ebcad"),  # five, and of equals the first
        (2, None, "eb"),
        (None, 0.125, "ebca"),
        (1, 0.125, "e"),
        (None, 0.5, ""),
    ],
)
def test_the_most_probable_come_first(top_k, threshold, expected):
    best = best_classes(NAMES, SHARES, top_k, threshold)
    assert best == [Prediction(name, float(SHARES[NAMES.index(name)])) for name in expected]


@pytest.mark.parametrize(
    ("top_k", "threshold", "words"),
    [
        (0, None, "top_k is 0: expected 1 or more"),
        (None, 0.0, "threshold is 0: expected a probability above 0, up to 1"),
        (None, 1.5, r"threshold is 1\.5"),
        (None, float("nan"), "threshold is nan"),
    ],
)
def test_what_names_no_class_is_refused(top_k, threshold, words):
    with pytest.raises(ValueError, match=words):
        check_wanted(top_k, threshold)
    check_wanted(1, 1.0)

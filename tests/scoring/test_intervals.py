"""Intervals of shares, on numbers that can be worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from ila_jax.scoring.intervals import mean_interval, wilson_interval


def test_wilsons_interval_is_his_formula():
    # p = 0.7, n = 10, z = 1.96: the middle (p + z²/2n) / (1 + z²/n) is 0.6445.
    z = stats.norm.ppf(0.975)
    middle = (0.7 + z**2 / 20) / (1 + z**2 / 10)
    half = z * np.sqrt(0.7 * 0.3 / 10 + z**2 / 400) / (1 + z**2 / 10)
    assert wilson_interval(7, 10) == pytest.approx((middle - half, middle + half))
    low, high = wilson_interval(10, 10)
    assert (low, high) == (pytest.approx(10 / (10 + z**2)), 1)


def test_the_interval_of_one_class_is_that_of_its_share():
    """And classes without videos do not count."""
    expected = stats.binom.ppf([0.025, 0.975], 200, 0.25) / 200
    assert mean_interval(np.array([50]), np.array([200])) == pytest.approx(expected, abs=0.006)
    more = mean_interval(np.array([0, 50]), np.array([0, 200]))
    assert more == mean_interval(np.array([50]), np.array([200]))


def test_a_mean_weighs_classes_alike_and_is_surer_than_each():
    low, high = mean_interval(np.array([50, 150, 2]), np.array([200, 200, 2]))
    assert (low + high) / 2 == pytest.approx((0.25 + 0.75 + 1) / 3, abs=0.005)
    # The standard error is √(0.25 · 0.75 / 200 · 2) / 3 = 0.0144; the third class adds nothing.
    assert (high - low) / 2 == pytest.approx(1.96 * 0.0144, abs=0.003)


def test_of_no_videos_there_is_no_mean():
    with pytest.raises(ValueError, match="a mean over no classes: expected one that has a video"):
        mean_interval(np.array([0]), np.array([0]))

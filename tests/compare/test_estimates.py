"""Intervals and tests over seeds and scenes, against values by hand and by scipy."""

import numpy as np
import pytest
from scipy import stats

from ila_jax.compare.estimates import correlation, differences, estimate, holm, ratio


def scenes(*rows):
    """Seeds of scenes as clips: each scene's clip and reversal have its value."""
    return np.repeat(np.array(rows, np.float64), 2, axis=1)


def test_the_interval_of_one_seed_is_students_over_scenes():
    values = [0.0, 1.0, 1.0, 0.0, 1.0]
    found = estimate(scenes(values))
    by_scipy = stats.ttest_1samp(values, 0)
    low, high = by_scipy.confidence_interval(0.95)
    assert found.value == pytest.approx(0.6)
    assert found.margin == pytest.approx((high - low) / 2)
    assert found.p == pytest.approx(by_scipy.pvalue)


def test_a_clip_and_its_reversal_are_one_sample():
    apart = np.array([[1.0, 0, 1, 0, 1, 0, 1, 0]])  # each scene's mean is a half
    assert estimate(apart).margin == 0


def test_where_all_scenes_are_alike_the_interval_is_students_over_seeds():
    found = estimate(scenes([0.2] * 6, [0.4] * 6, [0.9] * 6))
    by_scipy = stats.ttest_1samp([0.2, 0.4, 0.9], 0)
    low, high = by_scipy.confidence_interval(0.95)
    assert found.margin == pytest.approx((high - low) / 2)
    assert found.p == pytest.approx(by_scipy.pvalue)


def test_both_variances_count_by_hand():
    # Means of seeds 0 and 1, of scenes 0 and 1: each squared error is 0.5 / 2 = 1/4.
    found = estimate(scenes([-0.5, 0.5], [0.5, 1.5]))
    assert found.value == 0.5
    # Satterthwaite: (1/2)² / (1/16 + 1/16) = 2 degrees of freedom, error √½.
    assert found.margin == pytest.approx(stats.t.ppf(0.975, 2) * 0.5**0.5)


def test_what_is_unknown_in_one_seed_does_not_count():
    values = scenes([0.0, 1.0, 5.0], [0.0, 1.0, 5.0])
    values[0, 4] = np.nan
    assert estimate(values).value == 0.5
    assert np.isnan(estimate(np.full((2, 4), np.nan)).value)


def test_intervals_hold_what_they_say():
    """Of 400 draws of seeds and scenes from known variances, 95 % of intervals have the mean."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        values = (
            rng.normal(0, 0.1, (3, 1)) + rng.normal(0, 0.4, (1, 50)) + rng.normal(0, 0.3, (3, 50))
        )
        found = estimate(np.repeat(values, 2, axis=1))
        hits += abs(found.value) <= found.margin
    assert 0.92 <= hits / 400 <= 0.995


def test_a_ratio_is_of_the_sums():
    right = scenes([1, 1, 0, 1], [1, 0, 0, 1])
    named = scenes([1, 0, 0, 0], [1, 0, 0, 1])
    assert ratio(right * named, right).value == pytest.approx(3 / 5)
    assert ratio(right, right).margin == 0
    assert np.isnan(ratio(right * 0, right * 0).value)


def test_a_correlation_by_hand():
    right = scenes([1, 0, 1, 0, 1, 0, 1, 0])
    assert correlation(right, right).value == pytest.approx(1, abs=1e-5)
    assert correlation(-right, right).value == pytest.approx(-1, abs=1e-5)
    values = scenes([1, 1, 0, 0, 1, 0, 1, 1])
    by_scipy = stats.pearsonr(values[0], right[0])
    found = correlation(values, right)
    assert found.value == pytest.approx(by_scipy.statistic)
    # Eight scenes, not sixteen clips: 1 / √5 of z.
    z = np.arctanh(found.value)
    assert found.margin == pytest.approx(np.tanh(z) - np.tanh(z - 1.959964 / 5**0.5), rel=1e-5)
    assert np.isnan(correlation(values, np.ones_like(right)).value)


def test_holms_correction_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    corrected = holm([0.02, float("nan"), 0.01])
    assert corrected[0] == pytest.approx(0.02)
    assert np.isnan(corrected[1])


def test_differences_are_clip_by_clip():
    rng = np.random.default_rng(1)
    hard = rng.uniform(size=(1, 40))
    values = {"a": scenes(*(hard + 0.01).repeat(2, 0)), "b": scenes(*hard.repeat(2, 0))}
    ((name, (difference, p)),) = differences(values, "b").items()
    assert (name, difference.value) == ("a", pytest.approx(0.01))
    # Far less than the spread of the scenes, which both share.
    assert difference.margin < 1e-9
    assert p < 1e-9

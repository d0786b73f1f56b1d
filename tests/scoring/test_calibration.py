"""The calibration error against values computed by hand, and a plain loop over videos."""

import numpy as np
import pytest

from ila_jax.scoring.calibration import calibration, expected_calibration_error

# Video 1 is a tie, which goes to the lower class.
SHARES = np.array(
    [
        [0.70, 0.20, 0.10],
        [0.40, 0.40, 0.20],
        [0.60, 0.30, 0.10],
        [0.10, 0.0, 0.90],
        [0.2, 0.72, 0.08],
    ]
)
LABEL = np.array([0, 0, 1, 2, 0])


def test_the_calibration_error_is_that_of_bins():
    found = calibration(SHARES, LABEL)
    # 0.70 (right) and 0.72 (wrong) share the bin of 10/15 to 11/15; the others are alone.
    by_hand = (2 * abs(0.5 - 0.71) + abs(1 - 0.4) + abs(0 - 0.6) + abs(1 - 0.9)) / 5
    assert found.error == expected_calibration_error(SHARES, LABEL) == pytest.approx(by_hand)
    shared = found.bins[10]
    assert (shared.videos, shared.accuracy) == (2, 0.5)
    assert shared.confidence == pytest.approx(0.71)
    assert [one.videos for one in found.bins if one.videos] == [1, 1, 2, 1]
    assert sum(one.videos for one in found.bins) == 5


def test_a_probability_of_one_is_in_the_last_bin():
    found = calibration(np.array([[1.0000001, 0.0], [1.0, 0.0]]), np.zeros(2, int))
    assert found.bins[-1].videos == 2


@pytest.mark.parametrize("seed", range(5))
def test_the_error_is_that_of_a_loop_over_videos(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(4, 0.5), 200)
    labels = rng.integers(4, size=200)
    sums = {}
    for row, label in zip(shares, labels, strict=True):
        place = int(np.ceil(row.max() * 15))  # bins are (low, high]
        count, sure, right = sums.get(place, (0, 0.0, 0))
        sums[place] = (count + 1, sure + row.max(), right + (row.argmax() == label))
    by_loop = sum(abs(right - sure) for _, sure, right in sums.values()) / 200
    assert expected_calibration_error(shares, labels) == pytest.approx(by_loop, abs=1e-9)

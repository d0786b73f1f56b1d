"""The temperature that makes probabilities as sure as they are right, on logits that are known."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from ila_jax.scoring.calibration import expected_calibration_error
from ila_jax.scoring.temperature import NoTemperature, best_temperature, fit, log_loss
from ila_jax.temperature import sigmoid_with_temperature, with_temperature


def drawn(count: int, *, factor: float, views: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from probabilities, and those of `factor` times their logits: [n, v, k], [n]."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 5))
    labels = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    return np.repeat(softmax(factor * logits, axis=1)[:, None], views, axis=1), labels


def test_scaled_probabilities_are_softmax_of_scaled_logits():
    logits = np.random.default_rng(0).normal(0, 3, (4, 3, 6))
    scaled = with_temperature(softmax(logits, axis=-1), 2.5)
    np.testing.assert_allclose(scaled, softmax(logits / 2.5, axis=-1), atol=1e-12)
    # Of two classes that are 9 to 1, the square root is 3 to 1; 0 stays 0.
    np.testing.assert_allclose(with_temperature(np.array([0.9, 0.1, 0.0]), 2), [0.75, 0.25, 0.0])


def test_classes_that_do_not_exclude_each_other_are_scaled_each_for_itself():
    logits = np.random.default_rng(0).normal(0, 3, (4, 6))
    scaled = sigmoid_with_temperature(expit(logits), 2.5)
    np.testing.assert_allclose(scaled, expit(logits / 2.5), atol=1e-12)
    # Odds of 9 to 1 become 3 to 1; 0 and 1 stay.
    shares = sigmoid_with_temperature(np.array([0.9, 0.1, 0.0, 1.0]), 2)
    np.testing.assert_allclose(shares, [0.75, 0.25, 0, 1])


def test_the_loss_by_hand():
    shares = np.array([[0.5, 0.5], [0.2, 0.8]])
    assert log_loss(shares, np.array([0, 1])) == pytest.approx(-(np.log(0.5) + np.log(0.8)) / 2)


@pytest.mark.parametrize("factor", [3.0, 0.4])
def test_it_is_what_the_logits_were_multiplied_with(factor):
    views, labels = drawn(4000, factor=factor, views=2)
    fitted = fit(views, labels)
    # By the labels that were drawn; 4,000 of them tell it to a few percent.
    assert fitted.temperature == pytest.approx(factor, rel=0.05)
    assert fitted.videos == 4000
    assert fitted.error_after < fitted.error_before / 3


def test_it_has_the_least_loss_of_all_around_it():
    views, labels = drawn(300, factor=2.0)
    best = best_temperature(views, labels)
    losses = [
        log_loss(with_temperature(views, best * near)[:, 0], labels) for near in (0.98, 1, 1.02)
    ]
    assert min(losses) == losses[1]


def test_the_error_after_is_of_videos_that_were_not_fitted_on():
    views, labels = drawn(60, factor=3.0)
    even, odd = (best_temperature(views[k::2], labels[k::2]) for k in (0, 1))
    crossed = [with_temperature(row[0], odd if k % 2 == 0 else even) for k, row in enumerate(views)]
    fitted = fit(views, labels)
    assert fitted.error_after == expected_calibration_error(np.array(crossed), labels)
    scaled = with_temperature(views[:, 0], fitted.temperature)
    assert fitted.error_after != expected_calibration_error(scaled, labels)


def test_videos_that_tell_no_temperature_are_refused():
    views = np.tile([[[0.6, 0.4]]], (10, 1, 1))
    with pytest.raises(NoTemperature, match="every video is right"):
        fit(views, np.zeros(10, int))
    with pytest.raises(NoTemperature, match="less it is right"):
        fit(views, np.ones(10, int))
    with pytest.raises(NoTemperature, match="at least two"):
        fit(views[:1], np.zeros(1, int))

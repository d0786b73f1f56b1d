"""Fits the temperature by which a model's probabilities become as sure as they are right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ila_jax.scoring.calibration import expected_calibration_error
from ila_jax.temperature import with_temperature

# A temperature at one of these ends was not fitted, it ran away.
_LOWEST, _HIGHEST = 0.02, 50.0
# How near to an end, as a factor, counts as having run there.
_AT_AN_END = 1.05
# A label's probability is taken for at least this, or a single 0 would make the loss infinite.
_LEAST = float(np.finfo(np.float32).tiny)


class NoTemperature(ValueError):
    """There is no temperature that these videos could tell, and why."""


@dataclass(frozen=True)
class FittedTemperature:
    """A temperature, and what it does to the calibration error, from 0 to 1.

    error_after: of videos that were not fitted on, each half of them with the temperature that the
    other half asks for. videos: how many it was fitted on.
    """

    temperature: float
    videos: int
    error_before: float
    error_after: float


def fit(views: NDArray[Any], labels: NDArray[Any]) -> FittedTemperature:
    """The temperature for a model, by the videos of a validation set.

    views: probabilities of each video's views, float [n, v, k]. A temperature is for each view, and
    a video's probabilities are the mean over its views, as everywhere. labels: int [n].
    Errors: NoTemperature where the best one is at no finite place.
    """
    if len(labels) < 2:
        raise NoTemperature(f"{len(labels)} videos: a temperature is fitted on at least two")
    halves = np.arange(len(labels)) % 2 == 0
    after = np.empty((len(labels), views.shape[-1]))
    # Measured on the videos that it was fitted on, the error would look smaller than it is.
    for half in (halves, ~halves):
        after[half] = _of_videos(views[half], best_temperature(views[~half], labels[~half]))
    return FittedTemperature(
        temperature=_checked(best_temperature(views, labels)),
        videos=len(labels),
        error_before=expected_calibration_error(views.mean(axis=1, dtype=np.float64), labels),
        error_after=expected_calibration_error(after, labels),
    )


def best_temperature(views: NDArray[Any], labels: NDArray[Any]) -> float:
    """The temperature from 0.02 to 50 with the least mean negative log likelihood of the labels."""

    def loss(log_temperature: float) -> float:
        return log_loss(_of_videos(views, float(np.exp(log_temperature))), labels)

    # By its logarithm: half as sure and twice as sure are the same step.
    ends = (np.log(_LOWEST), np.log(_HIGHEST))
    return float(np.exp(minimize_scalar(loss, bounds=ends, method="bounded").x))


def log_loss(probabilities: NDArray[Any], labels: NDArray[Any]) -> float:
    """The mean of -log of the probability of each label. probabilities: float [n, k]."""
    of_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(of_label, _LEAST)).mean())


def _of_videos(views: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """The videos' probabilities [n, k], the mean over their views after scaling."""
    return np.asarray(with_temperature(views, temperature).mean(axis=1))


def _checked(temperature: float) -> float:
    """The temperature. Errors: NoTemperature where it ran to an end of the range."""
    if _LOWEST * _AT_AN_END < temperature < _HIGHEST / _AT_AN_END:
        return temperature
    why = "every video is right" if temperature < 1 else "the surer it is, the less it is right"
    raise NoTemperature(
        f"{why}, so that no finite temperature is the best: expected some hits and some misses, "
        "with more videos perhaps"
    )

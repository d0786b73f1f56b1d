"""Temperature scaling: probabilities that are as sure as they are right (Guo et al., 2017)."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax


def scaled(
    probabilities: NDArray[Any], temperature: float | None, form: Literal["softmax", "sigmoid"]
) -> NDArray[Any]:
    """Probabilities [..., k] of either form, with a temperature; None leaves them as they are."""
    if temperature is None:
        return probabilities
    scale = with_temperature if form == "softmax" else sigmoid_with_temperature
    return scale(probabilities, temperature)


def sigmoid_with_temperature(
    probabilities: NDArray[Any], temperature: float
) -> NDArray[np.float64]:
    """sigmoid(logits / temperature) from sigmoid(logits), each for itself: float64 [..., k].

    It is for classes that do not exclude each other. One that was rounded to 0 or 1 stays so.
    """
    return np.asarray(expit(logit(np.asarray(probabilities, np.float64)) / temperature))


def with_temperature(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """softmax(logits / temperature) from softmax(logits), over the last axis: float64 [..., k].

    Above 1 it makes probabilities less sure, below 1 surer. The order of classes stays.
    """
    # A logarithm of probabilities is the logits but for a constant, which softmax does not see. Of
    # one that was rounded to 0 it is minus infinity, and comes out as 0 again.
    with np.errstate(divide="ignore"):
        logits = np.log(np.asarray(probabilities, np.float64))
    return np.asarray(softmax(logits / temperature, axis=-1))

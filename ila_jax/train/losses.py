"""The losses (training.md)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from ila_jax.shapes import Logits, Scalar


def cross_entropy(
    logits: Logits, targets: Float[Array, "b k"], weights: NDArray[Any] | None = None
) -> Scalar:
    """−Σ_k target·log softmax, the mean over clips. Targets are soft: rows of [b, k] that sum to 1.

    weights: float32 [k], a factor of each class's target; None is 1. The mean stays that over
    clips, as in PyTorch's `CrossEntropyLoss` with soft targets, so that parts of a batch add up.
    It is computed in float32 or wider, whatever the model computes in (training.md, "precision").
    """
    wide = jnp.promote_types(logits.dtype, jnp.float32)
    if weights is not None:
        targets = targets * weights[None]
    return -(targets.astype(wide) * jax.nn.log_softmax(logits.astype(wide))).sum(-1).mean()


def inverse_frequencies(
    labels: NDArray[np.integer[Any]], classes: int
) -> NDArray[np.floating[Any]]:
    """n / (k · n_c) for each of the k classes that have clips, n_c of n: float32 [classes].

    The mean over clips is 1, so that the loss keeps its size. A class without a clip weighs 0.
    """
    counts = np.bincount(labels, minlength=classes)
    present = np.count_nonzero(counts)
    weights = len(labels) / (present * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0).astype(np.float32)

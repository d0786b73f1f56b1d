"""Losses of classes that do not exclude each other: each class is a question of its own."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ila_jax.shapes import Logits, Scalar

# The defaults of the code that Ridnik et al. (2021), "Asymmetric loss for multi-label
# classification", published: the exponents by which easy cases count less, of absent classes, which
# are many, and of present ones; and how much probability of an absent class costs nothing.
_NEGATIVE_FOCUS, _POSITIVE_FOCUS, _MARGIN = 4.0, 1.0, 0.05
# Their code's smallest probability in a logarithm.
_LEAST = 1e-8

Targets = Float[Array, "b k"]


def binary_cross_entropy(logits: Logits, targets: Targets) -> Scalar:
    """−(y·log σ(x) + (1 − y)·log(1 − σ(x))), the mean over clips and classes.

    It is PyTorch's `binary_cross_entropy_with_logits`. Targets are from 0 to 1, in float32 or
    wider as the logits are taken.
    """
    x, y = _wide(logits, targets)
    return -(y * jax.nn.log_sigmoid(x) + (1 - y) * jax.nn.log_sigmoid(-x)).mean()


def asymmetric_loss(logits: Logits, targets: Targets) -> Scalar:
    """The asymmetric loss of Ridnik et al. (2021), the sum over classes and the mean over clips.

    With p = σ(x) and pₘ = max(p − 0.05, 0): −y·(1 − p)·log p − (1 − y)·pₘ⁴·log(1 − pₘ). Its
    gradient is that of the whole formula; their code leaves out that of the two powers by default.
    """
    x, y = _wide(logits, targets)
    p = jax.nn.sigmoid(x)
    shifted = jnp.maximum(p - _MARGIN, 0.0)
    of_positive = (1 - p) ** _POSITIVE_FOCUS * jnp.log(jnp.maximum(p, _LEAST))
    of_negative = shifted**_NEGATIVE_FOCUS * jnp.log(1 - shifted)
    return -(y * of_positive + (1 - y) * of_negative).sum(-1).mean()


def _wide(logits: Logits, targets: Targets) -> tuple[Logits, Targets]:
    """Both in float32 or wider, whatever the model computes in."""
    wide = jnp.promote_types(logits.dtype, jnp.float32)
    return logits.astype(wide), targets.astype(wide)

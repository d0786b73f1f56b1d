"""The losses (training.md)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ila_jax.shapes import Logits, Scalar


def cross_entropy(logits: Logits, targets: Float[Array, "b k"]) -> Scalar:
    """−Σ_k target·log softmax, the mean over clips. Targets are soft: rows of [b, k] that sum to 1.

    It is computed in float32 or wider, whatever the model computes in (training.md, "precision").
    """
    wide = jnp.promote_types(logits.dtype, jnp.float32)
    return -(targets.astype(wide) * jax.nn.log_softmax(logits.astype(wide))).sum(-1).mean()

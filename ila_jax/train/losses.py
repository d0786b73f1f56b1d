"""The losses (training.md)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ila_jax.shapes import Logits, Scalar


def cross_entropy(logits: Logits, targets: Float[Array, "b k"]) -> Scalar:
    """−Σ_k target·log softmax, the mean over clips, in float32 or wider. Targets are soft."""
    wide = jnp.promote_types(logits.dtype, jnp.float32)
    return -(targets.astype(wide) * jax.nn.log_softmax(logits.astype(wide))).sum(-1).mean()

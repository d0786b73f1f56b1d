"""The two released heads: similarity with class names, and a linear classifier (models.md 1)."""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, small_normal, zeros
from ila_jax.models.prompt import VideoPrompts
from ila_jax.shapes import Features, Logits, TextFeatures, Training
from ila_jax.sizes import Geometry


def unit(x: Float[Array, "... e"]) -> Float[Array, "... e"]:
    """x / |x|, in float32 or wider."""
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


class TextHead(nnx.Module):
    """Scaled cosine similarity between the video and each class's prompted text feature."""

    def __init__(self, geometry: Geometry, *, dtypes: Dtypes, keys: Keys):
        self.prompts = VideoPrompts(geometry, dtypes=dtypes, keys=keys)
        # CLIP ends its training at ln 100, the largest it allows.
        self.logit_scale = nnx.Param(jnp.asarray(math.log(100.0), dtypes.param))

    def __call__(
        self, features: Features, patches: Float[Array, "b t p d"], text: TextFeatures
    ) -> Logits:
        prompted = self.prompts(text, patches)
        similarity = jnp.einsum("be,bke->bk", unit(features), unit(prompted))
        return jnp.exp(self.logit_scale[...]) * similarity


class LinearHead(nnx.Module):
    """v/|v| → LN → dropout → linear."""

    def __init__(self, embed: int, classes: int, *, dropout: float, dtypes: Dtypes, keys: Keys):
        self.dropout = dropout
        self.norm = dtypes.layer_norm(embed, keys=keys)
        self.fc = dtypes.linear(
            embed, classes, kernel_init=small_normal, bias_init=zeros, keys=keys
        )

    def __call__(self, features: Features, training: Training | None) -> Logits:
        x = self.norm(unit(features))
        if training is not None and self.dropout:
            keep = jax.random.bernoulli(training.key, 1 - self.dropout, x.shape)
            x = jnp.where(keep, x / (1 - self.dropout), 0)
        logits = self.fc(x)
        return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))

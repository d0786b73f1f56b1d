"""The released heads: similarity with class names, and a linear classifier (models.md 1, 10)."""

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys, small_normal, unit, zeros
from ila_jax.models.prompt import VideoPrompts
from ila_jax.shapes import Features, Logits, TextFeatures, Training
from ila_jax.sizes import Geometry

# CLIP ends its training at ln 100, the largest it allows.
_SCALE = math.log(100.0)


class TextHead(nnx.Module):
    """Scaled cosine similarity between the clip and each class's prompted text feature."""

    def __init__(self, geometry: Geometry, *, dtypes: Dtypes, keys: Keys):
        self.prompts = VideoPrompts(geometry, dtypes=dtypes, keys=keys)
        self.logit_scale = nnx.Param(jnp.asarray(_SCALE, dtypes.param))

    def __call__(
        self, features: Features, patches: Float[Array, "b t p d"], text: TextFeatures
    ) -> Logits:
        """patches: of the last block, for the prompts. text: a feature for each class."""
        prompted = self.prompts(text, patches)
        similarity = jnp.einsum("be,bke->bk", unit(features), unit(prompted))
        # The parameter is CLIP's, which learns the logarithm of the scale.
        return jnp.exp(self.logit_scale[...]) * similarity


class PlainTextHead(nnx.Module):
    """CLIP's own logits, no prompts: those of a clip are the mean of its frames' (models.md 10)."""

    def __init__(self, *, dtypes: Dtypes):
        self.logit_scale = nnx.Param(jnp.asarray(_SCALE, dtypes.param))

    def __call__(
        self, features: Features, patches: Float[Array, "b t p d"], text: TextFeatures
    ) -> Logits:
        """features: of `FrameMean`, as long as frames are alike. patches: not used."""
        return jnp.exp(self.logit_scale[...]) * jnp.einsum("be,ke->bk", features, unit(text))


class LinearHead(nnx.Module):
    """v/|v| → LN → dropout → linear. dropout: the share of channels that are left out."""

    def __init__(self, embed: int, classes: int, *, dropout: float, dtypes: Dtypes, keys: Keys):
        self.dropout = dropout
        self.norm = dtypes.layer_norm(embed, keys=keys)
        self.fc = dtypes.linear(
            embed, classes, kernel_init=small_normal, bias_init=zeros, keys=keys
        )

    def __call__(self, features: Features, training: Training | None) -> Logits:
        """Logits in float32 or wider, whatever the layer computes in. Inference drops nothing."""
        # Brought to length 1 before the norm, as in the released SSv2 models.
        x = self.norm(unit(features))
        if training is not None and self.dropout:
            keep = jax.random.bernoulli(training.key, 1 - self.dropout, x.shape)
            # Scaled up by what is left, so that inference takes the layer as it is.
            x = jnp.where(keep, x / (1 - self.dropout), 0)
        logits = self.fc(x)
        return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))

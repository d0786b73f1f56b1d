"""From clips to logits, probabilities and features: pure functions of configuration and weights."""

import functools

import jax
import jax.numpy as jnp

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.layers import Dtypes
from ila_jax.models.model import Variables
from ila_jax.pixels import normalise
from ila_jax.shapes import Features, Logits, Pixels, TextFeatures, Video


def logits_of(
    config: ModelConfig, variables: Variables, text: TextFeatures | None, clips: Pixels
) -> Logits:
    """What the model says of clips as they come from the loader: logits [b, k]."""
    return model.apply(config, variables, pixels(config, clips), text, None)[0].logits


def pixels(config: ModelConfig, clips: Pixels) -> Video:
    """Clips of uint8 pixels as the model takes them: normalised, in the dtype it computes with."""
    # Normalised in the parameters' dtype and rounded once: in bfloat16 the difference from the mean
    # would be rounded, and then the quotient again.
    dtypes = Dtypes.of(config.precision)
    return normalise(clips, dtypes.param, by=config.pixels).astype(dtypes.compute)


def shares_of(config: ModelConfig, logits: Logits) -> Logits:
    """Probabilities, in float32 or wider: means and sums of them are compared."""
    wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    return jax.nn.sigmoid(wide) if config.probabilities == "sigmoid" else jax.nn.softmax(wide)


# Functions of the module, and not of the object: models of one configuration, such as those with
# other class names, share the compiled program.
@functools.partial(jax.jit, static_argnums=0)
def probabilities_of(
    config: ModelConfig, variables: Variables, text: TextFeatures | None, clips: Pixels
) -> Logits:
    """Probabilities [b, k] of clips as they come from the loader, compiled."""
    return shares_of(config, logits_of(config, variables, text, clips))


@functools.partial(jax.jit, static_argnums=0)
def video_logits(
    config: ModelConfig, variables: Variables, text: TextFeatures | None, video: Video
) -> Logits:
    """Logits [b, k] of normalised pixels, compiled."""
    return model.apply(config, variables, video, text, None)[0].logits


@functools.partial(jax.jit, static_argnums=0)
def video_features(config: ModelConfig, variables: Variables, video: Video) -> Features:
    """Features [b, e] of normalised pixels after multi-frame integration, compiled."""
    # Without the head, which may need texts.
    module = model.bind(config, variables)
    return module.mit(module.visual(video).class_tokens)

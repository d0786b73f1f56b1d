"""What a model's text tower makes of class names, for whoever compares videos with them."""

from collections.abc import Sequence

import jax

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.shapes import TextFeatures
from ila_jax.text.class_texts import class_tokens


def class_features(config: ModelConfig, variables: Variables, names: Sequence[str]) -> TextFeatures:
    """The features of classes, [k, e], computed where the variables are.

    Warns and errors: those of `class_tokens`.
    """
    return text_features(config, variables, class_tokens(names, config.geometry()))


text_features = jax.jit(model.text_features, static_argnums=0)

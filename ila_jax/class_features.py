"""What a model's text tower makes of class names, for whoever compares videos with them."""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from tqdm import tqdm

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.layers import unit
from ila_jax.models.model import Variables
from ila_jax.shapes import TextFeatures, TextTokens
from ila_jax.sizes import Geometry
from ila_jax.text.class_texts import class_tokens

# Texts that go through the tower at a time: 400 classes by 28 templates would take gigabytes.
_TEXTS = 256


def class_features(config: ModelConfig, variables: Variables, names: Sequence[str]) -> TextFeatures:
    """The features of classes, [k, e], computed where the variables are.

    By one template, what the text tower gives; by several, the mean of the texts' unit features,
    of length 1 again, as in CLIP's own zero-shot classification.
    Warns and errors: those of `class_tokens`.
    """
    tokens = class_tokens(names, config.templates, config.geometry())
    texts = rearrange(tokens, "k m l -> (k m) l")
    count = math.ceil(len(texts) / _TEXTS)
    # The last text is repeated, so that all parts are of one size and one program does for them.
    rest = -len(texts) % count
    parts = np.split(np.pad(texts, ((0, rest), (0, 0)), "edge"), count)
    progress = tqdm(parts, "class texts", disable=None if count > 1 else True)
    of_texts = [text_features(config, variables, part) for part in progress]
    features: TextFeatures = _of_classes(of_texts, tokens.shape[:2])
    return features


def check_tokens(geometry: Geometry, tokens: TextTokens) -> None:
    """Errors: ValueError for tokens of another shape or vocabulary than a text tower takes."""
    if tokens.ndim != 2 or tokens.shape[1] != geometry.context:
        raise ValueError(
            f"tokens have shape {tokens.shape}: expected [classes, {geometry.context}], "
            f"as ila_jax.text.tokenizer.tokenize(texts, {geometry.context}) makes them"
        )
    # jax raises nothing for an index that is too large.
    if int(tokens.max()) >= geometry.vocabulary:
        raise ValueError(
            f"token id {int(tokens.max())} is outside the model's vocabulary of "
            f"{geometry.vocabulary}: the tokens were made for another model"
        )


# Compiled once for all models of a configuration, which is static.
text_features = jax.jit(model.text_features, static_argnums=0)


@functools.partial(jax.jit, static_argnums=1)
def _of_classes(parts: list[jax.Array], shape: tuple[int, int]) -> TextFeatures:
    """Features [k, e] of k classes from those of their m texts each; the padding is cut off."""
    k, m = shape
    # The order is CLIP's: unit features first, then their mean, then that at length 1.
    features = rearrange(jnp.concatenate(parts)[: k * m], "(k m) e -> k m e", k=k)
    return features[:, 0] if m == 1 else unit(unit(features).mean(axis=1))

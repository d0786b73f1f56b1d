"""What a model's text tower makes of class names, for whoever compares videos with them."""

import dataclasses
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
from ila_jax.text.templates import check_templates

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


def checked_names(
    config: ModelConfig, current: Sequence[str] | None, names: Sequence[str]
) -> tuple[str, ...]:
    """Names for a model's classes, without the blanks around them.

    current: the names that it has; None where it has none.
    Errors: ValueError for no names, and for one that is blank or given twice; for a linear head,
    which knows only the classes that it was trained on, also for other names and another number.
    """
    names = tuple(name.strip() for name in names)
    if not names or not all(names) or len(set(names)) < len(names):
        raise ValueError(f"class names {list(names)}: expected some, none blank or given twice")
    if config.head == "linear":
        _check_linear(config, current, names)
    return names


def _check_linear(
    config: ModelConfig, current: Sequence[str] | None, names: tuple[str, ...]
) -> None:
    if current is not None and tuple(current) != names:
        raise ValueError(
            f"this model has a linear head, which knows the {len(current)} classes it was "
            "trained on and no others: only a text head takes classes at will"
        )
    if len(names) != config.classes:
        raise ValueError(
            f"{len(names)} class names for a linear head of {config.classes} classes: "
            "name each, in the order of their numbers"
        )


def with_templates(config: ModelConfig, templates: Sequence[str]) -> ModelConfig:
    """A configuration of plain CLIP with other texts for its classes, such as "a video of {}.".

    Errors: ValueError for another model, and for no templates or one without {}.
    """
    if config.temporal != "clip":
        raise ValueError(
            f"templates are for plain CLIP, and this is a {config.temporal} model, which "
            "was trained on class names alone: word the names themselves"
        )
    check_templates(templates)
    return dataclasses.replace(config, templates=tuple(templates))


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

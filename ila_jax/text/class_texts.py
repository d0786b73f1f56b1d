"""Tokens of the texts that stand for classes, and which classes they leave alike."""

import warnings
from collections.abc import Sequence

import numpy as np
from einops import rearrange
from jaxtyping import Int32

from ila_jax.sizes import Geometry
from ila_jax.text.templates import filled
from ila_jax.text.tokenizer import tokenize

_LISTED = 5  # groups of names in a warning


def class_tokens(
    names: Sequence[str], templates: Sequence[str], geometry: Geometry
) -> Int32[np.ndarray, "k m l"]:
    """Tokens of each class's name in each template m, all as long as the longest text.

    What follows the longest is left out: the tower's attention is causal, so that it changes
    nothing. Warns of names that are the same tokens. Errors: ValueError for a text that is longer
    than the model's context, or has tokens that the model does not know.
    """
    # Class by class, each with all templates: the order that the reshape below parts again.
    texts = [filled(template, name) for name in names for template in templates]
    tokens = tokenize(texts, geometry.context)
    if int(tokens.max()) >= geometry.vocabulary:
        raise ValueError(
            f"token id {int(tokens.max())} is outside the model's vocabulary of "
            f"{geometry.vocabulary}: it was not made with CLIP's tokenizer, which is the only one "
            "here"
        )
    # Behind the end of a text are zeros: the last column of anything else ends the longest one.
    tokens = tokens[:, : int(np.flatnonzero(tokens.any(axis=0))[-1]) + 1]
    tokens = rearrange(tokens, "(k m) l -> k m l", m=len(templates))
    # By the first template alone: texts that are alike in one are alike in all.
    if (message := alike(names, tokens[:, 0])) is not None:
        warnings.warn(message, stacklevel=2)
    return tokens


def alike(names: Sequence[str], tokens: Int32[np.ndarray, "k l"]) -> str | None:
    """In a sentence, the classes that a text tower cannot tell apart; None where it can."""
    groups: dict[bytes, list[str]] = {}
    for name, row in zip(names, tokens, strict=True):
        groups.setdefault(row.tobytes(), []).append(name)
    same = [" = ".join(map(repr, group)) for group in groups.values() if len(group) > 1]
    if not same:
        return None
    more = f", and {len(same) - _LISTED} more" if len(same) > _LISTED else ""
    return (
        f"classes that are the same text to the model: {', '.join(same[:_LISTED])}{more}. It does "
        "not see case, doubled blanks or escapes such as &amp;: these classes share one "
        "probability evenly. Leave out all but one of them, or word them differently"
    )

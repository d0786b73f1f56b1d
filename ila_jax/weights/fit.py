"""Checks that weights belong to the model that a configuration describes."""

import dataclasses

import jax

from ila_jax.config import ModelConfig, differences
from ila_jax.models import model
from ila_jax.models.model import FoldedVariables, Variables
from ila_jax.models.variants import variant


def check_fit(source: str, of_weights: ModelConfig, config: ModelConfig) -> None:
    """Checks that the weights in `source`, a path, can be used as they are in a model of `config`.

    of_weights: the model that they belong to.
    Errors: ValueError naming the properties of the weights that differ from the configuration's.
    """
    # Plain CLIP takes any number of frames.
    if not variant(of_weights).integrates:
        of_weights = dataclasses.replace(of_weights, frames=config.frames)
    changed = differences(_shapes_of(of_weights), _shapes_of(config))
    if changed:
        raise ValueError(
            f"the weights in {source} are of another model; key: there, here\n  "
            + "\n  ".join(changed)
            + "\nChange the configuration to what is there, or convert the weights to it."
        )


def in_dtypes_of(config: ModelConfig, variables: Variables) -> Variables:
    """The variables in the dtypes that a model of this configuration holds them in.

    Weights are kept in float32; a float64 model computes with what they are.
    """

    def cast(x: jax.Array, like: jax.ShapeDtypeStruct) -> jax.Array:
        return x.astype(like.dtype)

    return Variables(*jax.tree.map(cast, tuple(variables), tuple(model.abstract(config))))


def check_unfolded(variables: Variables) -> None:
    """Checks that weights are a model's own. Errors: ValueError for those of its inference form."""
    if isinstance(variables, FoldedVariables):
        raise ValueError(
            "this is the inference form of a model, from for_inference(), whose weights do not "
            "tell the model's own any more: save or convert the model that it was made of"
        )


def _shapes_of(config: ModelConfig) -> ModelConfig:
    """The configuration without all that weights do not depend on; values that stand for "any".

    What is left decides the shapes of the weights, and how the pixels are normalised.
    """
    # Two names of a size may have the same shapes, so that these are compared and not the name.
    # Dropout, precision and rematerialisation change how a model trains, templates its texts, and
    # the kind of probabilities what is made of its logits.
    aligns, integrates = variant(config).aligns, variant(config).integrates
    return dataclasses.replace(
        config,
        size="",
        shape=config.geometry(),
        patch=None,
        resolution=None,
        convolutions=config.convolutions if aligns else "k400",
        channels=config.channels if aligns else 0,
        dropout=0.0,
        mit_positions=config.mit_positions or not integrates,
        precision="float32",
        remat="none",
        templates=("{}",),
        probabilities="softmax",
    )

"""Counts the MACs of each part of a model from its traced program; nothing is computed."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ila_jax.config import ModelConfig
from ila_jax.cost.by_scope import part_of_operation
from ila_jax.cost.counting import count, count_by_scope
from ila_jax.models import model
from ila_jax.models.heads import LinearHead
from ila_jax.models.model import Variables, VideoModel
from ila_jax.shapes import ClassTokens, Features, Logits, TextFeatures, Tree, Video

# The shapes of a model's weights by its configuration: `model.abstract`, or `model.abstract_folded`
# for what the inference form costs.
Shapes = Callable[[ModelConfig], Variables]


class Parameters(NamedTuple):
    """Numbers of parameters.

    new: those that the temporal model adds to CLIP's image tower. total: all, the text tower and
    the head included.
    """

    new: int
    total: int


def parameters(config: ModelConfig) -> Parameters:
    """Counts what is learnt, from shapes alone: running statistics are not counted."""
    tree = model.abstract(config).params
    # Spatial attention's tower is CLIP's own, and has nothing new.
    plain = model.abstract(dataclasses.replace(config, temporal="spatial")).params
    new = _size(tree["visual"]) - _size(plain["visual"])
    return Parameters(new, _size(tree))


def clip_shape(config: ModelConfig) -> jax.ShapeDtypeStruct:
    """The shape of one clip, float32 [1, t, h, w, 3]."""
    side = config.geometry().resolution
    return _float(1, config.frames, side, side, 3)


def tower(config: ModelConfig, weights: Shapes = model.abstract) -> int:
    """MACs of the image tower on one clip."""

    # The loss is not among the outputs: inference does not need it, and so it is not counted.
    def run(module: VideoModel, video: Video) -> tuple[jax.Array, jax.Array]:
        output = module.visual(video)
        return output.class_tokens, output.patch_tokens

    return _count(config, weights, run, clip_shape(config))


def integration(config: ModelConfig, weights: Shapes = model.abstract) -> int:
    """MACs of multi-frame integration."""

    def run(module: VideoModel, c: ClassTokens) -> Features:
        return module.mit(c)

    return _count(config, weights, run, _float(1, config.frames, config.geometry().embed))


def prompts(config: ModelConfig, classes: int, weights: Shapes = model.abstract) -> int:
    """MACs of the text head on K classes' features: their prompts and similarities."""
    shape = config.geometry()

    def run(module: VideoModel, v: Features, patches: jax.Array, text: TextFeatures) -> Logits:
        assert not isinstance(module.head, LinearHead), "called with the text head's config"
        return module.head(v, patches, text)

    patches = _float(1, config.frames, shape.grid**2, shape.width)
    arrays = (_float(1, shape.embed), patches, _float(classes, shape.embed))
    return _count(config, weights, run, *arrays)


def linear(config: ModelConfig, classes: int, weights: Shapes = model.abstract) -> int:
    """MACs of the linear head."""
    # Rows have the text head; the linear one is counted apart, on the same features.
    config = dataclasses.replace(config, head="linear", classes=classes)

    def run(module: VideoModel, v: Features) -> Logits:
        assert isinstance(module.head, LinearHead), "its config was made here"
        return module.head(v, None)

    return _count(config, weights, run, _float(1, config.geometry().embed))


def text(config: ModelConfig, weights: Shapes = model.abstract) -> int:
    """MACs of the text tower on one class."""
    tokens = jax.ShapeDtypeStruct((1, config.geometry().context), jnp.int32)
    return _count(config, weights, lambda module, ids: module.text(ids), tokens)


def by_part(config: ModelConfig, classes: int) -> Counter[str]:
    """MACs of one clip through the whole model, by the parts that a profile is taken apart by.

    classes: K, whose features are given where the head is the text head.
    """

    def logits(variables: Variables, video: Video, text: TextFeatures | None) -> Logits:
        return model.apply(config, variables, video, text, None)[0].logits

    text = _float(classes, config.geometry().embed) if config.head == "text" else None
    macs: Counter[str] = Counter()
    scopes = count_by_scope(logits, model.abstract(config), clip_shape(config), text)
    for scope, number in scopes.items():
        macs[part_of_operation(f"/{scope}")] += number
    return macs


def _count(
    config: ModelConfig,
    weights: Shapes,
    run: Callable[..., Any],
    *arguments: jax.ShapeDtypeStruct,
) -> int:
    """MACs of a function of the module and of arguments that are shapes."""

    # The weights are arguments: closed over, they would have to be arrays, and are shapes alone.
    def bound(variables: Variables, *arrays: jax.Array) -> Any:
        return run(model.bind(config, variables), *arrays)

    return count(bound, weights(config), *arguments)


def _float(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _size(tree: Tree) -> int:
    """The number of elements of all leaves together."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))

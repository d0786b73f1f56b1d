"""The whole model as one module, and the same as pure functions over plain nested dicts."""

import functools
from typing import Any, NamedTuple

import jax
from flax import nnx

from ila_jax.config import ModelConfig
from ila_jax.models.heads import LinearHead, TextHead
from ila_jax.models.layers import Dtypes
from ila_jax.models.mit import MultiFrameIntegration
from ila_jax.models.text import TextTower
from ila_jax.models.variants import block_maker
from ila_jax.models.vit import ImageTower
from ila_jax.shapes import (
    Features,
    Logits,
    TextFeatures,
    TextTokens,
    Training,
    Tree,
    Video,
)


class Output(NamedTuple):
    """features: after multi-frame integration. alignment_loss: one value a block, [depth]."""

    logits: Logits
    features: Features
    alignment_loss: jax.Array


class VideoModel(nnx.Module):
    """Image tower → multi-frame integration → head; the text tower only with the text head."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        geometry, dtypes = config.geometry(), Dtypes.of(config.precision)
        make: dict[str, Any] = {"dtypes": dtypes, "rngs": rngs}
        self.visual = ImageTower(geometry, block_maker(config, dtypes), **make)
        self.mit = MultiFrameIntegration(config.frames, geometry.embed, **make)
        self.head: TextHead | LinearHead
        if config.head == "text":
            self.text = TextTower(geometry, **make)
            self.head = TextHead(geometry, **make)
        else:
            assert config.classes is not None, "config._impossible checks it"
            self.head = LinearHead(
                geometry.embed, config.classes, dropout=config.dropout, **make
            )

    def __call__(
        self, video: Video, text: TextFeatures | None, training: Training | None
    ) -> Output:
        tower = self.visual(video, training)
        features = self.mit(tower.class_tokens)
        if isinstance(self.head, TextHead):
            logits = self.head(features, tower.patch_tokens, text)
        else:
            logits = self.head(features, training)
        return Output(logits, features, tower.alignment_loss)


class Variables(NamedTuple):
    """Parameters and running statistics, as nested dicts with string keys."""

    params: Tree
    batch_stats: Tree


def initialize(config: ModelConfig, seed: int) -> Variables:
    """Fresh weights; compiled as one program, so that L/14 takes seconds."""

    @jax.jit
    def make(key: jax.Array) -> tuple[Tree, Tree]:
        model = VideoModel(config, rngs=nnx.Rngs(params=key))
        return _plain(nnx.state(model, nnx.Param)), _plain(nnx.state(model, nnx.BatchStat))

    return Variables(*make(jax.random.key(seed)))


def abstract(config: ModelConfig) -> Variables:
    """Shapes and dtypes of the weights, without making any."""
    return jax.eval_shape(lambda: initialize(config, 0))


def apply(
    config: ModelConfig,
    variables: Variables,
    video: Video,
    text: TextFeatures | None,
    training: Training | None,
) -> tuple[Output, Tree]:
    """The model as a pure function: its output and the running statistics after it."""
    model = bind(config, variables)
    output = model(video, text, training)
    return output, _plain(nnx.state(model, nnx.BatchStat))


def text_features(config: ModelConfig, params: Tree, tokens: TextTokens) -> TextFeatures:
    """The text tower as a pure function. params: the whole model's, or its `text` part alone."""
    graph, _ = _text_graph(config)
    return nnx.merge(graph, _state(params["text"]))(tokens)


def bind(config: ModelConfig, variables: Variables) -> VideoModel:
    """The module around given weights, to look at its parts."""
    return nnx.merge(_graph(config), _state(variables.params), _state(variables.batch_stats))


@functools.cache
def _graph(config: ModelConfig) -> Any:
    model = nnx.eval_shape(lambda: VideoModel(config, rngs=nnx.Rngs(0)))
    return nnx.split(model, nnx.Param, nnx.BatchStat)[0]


@functools.cache
def _text_graph(config: ModelConfig) -> Any:
    dtypes = Dtypes.of(config.precision)
    tower = nnx.eval_shape(
        lambda: TextTower(config.geometry(), dtypes=dtypes, rngs=nnx.Rngs(0))
    )
    return nnx.split(tower)


def _plain(state: Any) -> Tree:
    """nnx state to nested dicts whose keys are all strings, as Orbax restores them."""
    return _rename(nnx.to_pure_dict(state), str)


def _state(tree: Tree) -> Tree:
    """The way back: list positions become integers again, or nnx would sort 10 before 2."""
    return _rename(tree, lambda key: int(key) if key.isdigit() else key)


def _rename(tree: Tree, key: Any) -> Tree:
    return {
        key(name): _rename(value, key) if isinstance(value, dict) else value
        for name, value in tree.items()
    }

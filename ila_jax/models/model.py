"""The whole model as one module, and the same as pure functions over plain nested dicts."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from ila_jax.config import ModelConfig
from ila_jax.models import inference_form
from ila_jax.models.heads import LinearHead, PlainTextHead, TextHead
from ila_jax.models.layers import Dtypes, Keys
from ila_jax.models.mit import FrameMean, MultiFrameIntegration
from ila_jax.models.paths import by_path
from ila_jax.models.text import TextTower
from ila_jax.models.variants import block_maker, variant
from ila_jax.models.vit import ImageTower, TowerOutput, TowerTokens
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
    """What a model gives for a batch of clips.

    features: after multi-frame integration, or what plain CLIP has in its place. alignment_loss:
    one value for each block, [depth].
    """

    logits: Logits
    features: Features
    alignment_loss: jax.Array


class VideoModel(nnx.Module):
    """Image tower → multi-frame integration → head; the text tower only with the text head."""

    def __init__(self, config: ModelConfig, *, keys: Keys):
        geometry, dtypes = config.geometry(), Dtypes.of(config.precision)
        of_image, of_mit = dtypes.having(geometry.image), dtypes.having(geometry.mit)
        temporal = variant(config)
        frames = config.frames if temporal.embeds_time else None
        # The order of construction is the order of the random keys: another order starts a model
        # of the same seed with other weights.
        self.visual = ImageTower(
            geometry,
            block_maker(config, of_image),
            frames=frames,
            remat=config.remat,
            dtypes=of_image,
            keys=keys,
        )
        self.mit: MultiFrameIntegration | FrameMean = FrameMean()
        if temporal.integrates:
            positions = config.mit_positions
            self.mit = MultiFrameIntegration(
                config.frames, geometry.embed, positions=positions, dtypes=of_mit, keys=keys
            )
        make: dict[str, Any] = {"dtypes": dtypes, "keys": keys}
        self.head: TextHead | PlainTextHead | LinearHead
        # The text tower is a part of the model, so that one checkpoint holds all, but a pass does
        # not run it: features of classes are computed once and passed in.
        if config.head == "text":
            self.text = TextTower(geometry, dtypes=dtypes.having(geometry.text), keys=keys)
            self.head = (
                TextHead(geometry, **make) if temporal.integrates else PlainTextHead(dtypes=dtypes)
            )
        else:
            assert config.classes is not None, "the configuration is checked where it is read"
            self.head = LinearHead(geometry.embed, config.classes, dropout=config.dropout, **make)

    def __call__(
        self, video: Video, text: TextFeatures | None, training: Training | None
    ) -> Output:
        """video: normalised. text: a feature for each class; None for a linear head."""
        return self.after_tower(self.visual(video, training), text, training)

    def after_tower(
        self, tower: TowerOutput, text: TextFeatures | None, training: Training | None
    ) -> Output:
        """The same from what the image tower gives for the video."""
        with jax.named_scope("mit"):
            features = self.mit(tower.class_tokens)
        with jax.named_scope("head"):
            if isinstance(self.head, LinearHead):
                logits = self.head(features, training)
            else:
                assert text is not None, "Recognizer and the step give the classes' features"
                logits = self.head(features, tower.patch_tokens, text)
        return Output(logits, features, tower.alignment_loss)


class Variables(NamedTuple):
    """Parameters and running statistics, as nested dicts with string keys."""

    params: Tree
    batch_stats: Tree


class FoldedVariables(Variables):
    """The parameters of a model's inference form, which has no running statistics.

    Whatever takes `Variables` takes them for inference, and computes the same with less.
    """


def initialize(config: ModelConfig, seed: int) -> Variables:
    """Fresh weights by a seed; made by one compiled program, so that L/14 takes seconds."""
    variables: Variables = _fresh(config, jax.random.key(seed))
    return variables


def abstract(config: ModelConfig) -> Variables:
    """Shapes and dtypes of the weights, without making any."""
    return _skeleton(config)[1]


def abstract_folded(config: ModelConfig) -> FoldedVariables:
    """The same of the inference form."""
    return _folded_skeleton(config)[1]


def fold(config: ModelConfig, variables: Variables) -> FoldedVariables:
    """The variables of the inference form, which share all arrays that are not changed."""
    if isinstance(variables, FoldedVariables):
        return variables
    params = nnx.state(_folded(config, variables), nnx.Param)
    return FoldedVariables(_plain(params), {})


def apply(
    config: ModelConfig,
    variables: Variables,
    video: Video,
    text: TextFeatures | None,
    training: Training | None,
) -> tuple[Output, Tree]:
    """The model as a pure function: its output and the running statistics after it.

    video: normalised. text: of `text_features`; None for a linear head. training: None in
    inference, which leaves the statistics as they are.
    """
    model = bind(config, variables)
    output = model(video, text, training)
    return output, _plain(nnx.state(model, nnx.BatchStat))


def tower_tokens(config: ModelConfig, variables: Variables, video: Video) -> TowerTokens:
    """What the rest of the model reads of the image tower, in inference, as a pure function.

    video: normalised. No patches where the head reads none: [b, t, 0, d].
    """
    module = bind(config, variables)
    tower = module.visual(video)
    patches = tower.patch_tokens
    return TowerTokens(
        tower.class_tokens, patches if isinstance(module.head, TextHead) else patches[:, :, :0]
    )


def apply_to_tokens(
    config: ModelConfig,
    variables: Variables,
    tokens: TowerTokens,
    text: TextFeatures | None,
    training: Training | None,
) -> tuple[Output, Tree]:
    """`apply` to what `tower_tokens` gave: the image tower is frozen, and has no alignment loss."""
    model = bind(config, variables)
    losses = jnp.zeros(config.geometry().depth, jnp.float32)
    output = model.after_tower(TowerOutput(*tokens, losses), text, training)
    return output, _plain(nnx.state(model, nnx.BatchStat))


def text_features(config: ModelConfig, variables: Variables, tokens: TextTokens) -> TextFeatures:
    """The text tower as a pure function: a feature for each text, not of length 1."""
    return bind(config, variables).text(tokens)


def bind(config: ModelConfig, variables: Variables) -> VideoModel:
    """The module around given weights, in the form that they are of, to look at its parts."""
    # The structure comes from the cache: building the module anew would draw all its weights.
    skeleton = _folded_skeleton if isinstance(variables, FoldedVariables) else _skeleton
    graph, _ = skeleton(config)
    bound: VideoModel = nnx.merge(
        graph, module_keys(variables.params), module_keys(variables.batch_stats)
    )
    return bound


def variables_of(module: VideoModel, *, like: Variables) -> Variables:
    """The variables of a module: the reverse of `bind`. like: what it was bound with.

    Errors: ValueError for a module whose variables have other paths, shapes or dtypes.
    """
    params, batch_stats = nnx.state(module, nnx.Param), nnx.state(module, nnx.BatchStat)
    variables = type(like)(_plain(params), _plain(batch_stats))
    arrays, wanted = (
        {path: (x.shape, x.dtype) for path, x in by_path(tree._asdict()).items()}
        for tree in (variables, like)
    )
    if other := sorted({path for path, _ in arrays.items() ^ wanted.items()}):
        raise ValueError(
            f"the module has other weights than the model, such as {other[0]}: expected a module "
            "that the model itself gave"
        )
    return variables


@functools.cache
def _skeleton(config: ModelConfig) -> tuple[Any, Variables]:
    """The module's structure, and the shapes of what fills it; traced once for each config."""
    # Any key will do: nothing is drawn.
    model = nnx.eval_shape(lambda: VideoModel(config, keys=Keys(jax.random.key(0))))
    graph, params, batch_stats = _split(model)
    return graph, Variables(params, batch_stats)


@functools.cache
def _folded_skeleton(config: ModelConfig) -> tuple[Any, FoldedVariables]:
    """The same of the inference form."""
    model = nnx.eval_shape(functools.partial(_folded, config), abstract(config))
    graph, params, _ = _split(model)
    return graph, FoldedVariables(params, {})


def _split(module: VideoModel) -> tuple[Any, Tree, Tree]:
    """A module's structure, its parameters and its batch statistics."""
    # Two filters, as in `bind`: a structure is put together as it was taken apart.
    graph, params, batch_stats = nnx.split(module, nnx.Param, nnx.BatchStat)  # type: ignore[misc]
    return graph, _plain(params), _plain(batch_stats)


def _folded(config: ModelConfig, variables: Variables) -> VideoModel:
    """The module in its inference form. variables: of the model as it trains."""
    module = bind(config, variables)
    inference_form.fold(module)
    return module


@functools.partial(jax.jit, static_argnums=0)
def _fresh(config: ModelConfig, key: jax.Array) -> Variables:
    """Weights by a key, as they start."""
    model = VideoModel(config, keys=Keys(key))
    return Variables(_plain(nnx.state(model, nnx.Param)), _plain(nnx.state(model, nnx.BatchStat)))


def _plain(state: Any) -> Tree:
    """nnx state to nested dicts whose keys are all strings, as Orbax restores them."""
    return string_keys(nnx.to_pure_dict(state))


def string_keys(tree: dict[Any, Any]) -> Tree:
    """A tree whose lists have integers as keys with strings in their place."""
    return _rename(tree, str)


def module_keys(tree: Tree) -> dict[Any, Any]:
    """The way back: list positions become integers again, or nnx would sort 10 before 2."""
    return _rename(tree, lambda key: int(key) if key.isdigit() else key)


def _rename(tree: dict[Any, Any], key: Callable[[Any], Any]) -> dict[Any, Any]:
    """The tree with every key put through a function."""
    return {
        key(name): _rename(value, key) if isinstance(value, dict) else value
        for name, value in tree.items()
    }

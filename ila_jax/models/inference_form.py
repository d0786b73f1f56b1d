"""The inference form of a model: the same function with fewer multiplications (models.md 12).

Batch norms by their running statistics are folded into the linear maps before them, and linear maps
that follow each other without a nonlinearity are merged wherever that lowers the count of
multiply-accumulates. Everything is computed once, in the dtype of the parameters.
"""

import functools
from collections.abc import Callable
from typing import Any

from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.convolutions import BatchNorm
from ila_jax.models.heads import TextHead
from ila_jax.models.layers import composed
from ila_jax.models.prompt import VideoPrompts
from ila_jax.models.temporal.divided import TubeAttention
from ila_jax.models.temporal.ila import ILABlock, ImplicitAlignment, as_tokens
from ila_jax.models.temporal.interaction import (
    DenseInteraction,
    PointPrediction,
    SeparableInteraction,
)
from ila_jax.shapes import Tokens


def fold(model: nnx.Module) -> None:
    """Brings a model into its inference form, in place.

    Errors: ValueError for a batch norm that no row of FOLDS folds.
    """
    # Listed first: modules are replaced on the way.
    for _, module in list(nnx.iter_modules(model)):
        if type(module) in FOLDS:
            FOLDS[type(module)](module)
    norms = [path for path, module in nnx.iter_modules(model) if isinstance(module, BatchNorm)]
    if norms:
        raise ValueError(
            f"the batch norm {'/'.join(map(str, norms[0]))} is folded into no layer: say which one "
            "is before it, in FOLDS of ila_jax/models/inference_form.py"
        )


class PassThrough(nnx.Module):
    """Stands where a layer was that another one has taken in."""

    def __call__(self, x: Array, *, training: bool = False) -> Array:
        """Returns x. Errors: ValueError in training, for which the layer would be needed."""
        if training:
            raise ValueError("this is the inference form of a model: train the model itself")
        return x


class MergedAlignment(ImplicitAlignment):
    """ILA's alignment with one linear map from each input to what is added.

    W_i(W_c G + b_c) is one map of the features G, and the class token, which both W_a and W_i take,
    goes through W_a + W_i. The convolution over time stays: merged with the maps behind it, it
    would cost 3·c·d multiplications a place and not 3·c² + c·d, for c features.
    """

    def __init__(self, unmerged: ImplicitAlignment):
        self.message, self.message_norm = unmerged.message, unmerged.message_norm
        self.interaction, self.prediction = unmerged.interaction, unmerged.prediction
        self.conv = unmerged.conv
        self.skip_aligned = unmerged.skip_aligned
        self.skip_features = _composed(unmerged.fc, unmerged.skip_interactive)
        self.skip_class = _summed(unmerged.skip_aligned, unmerged.skip_interactive)

    def added(
        self,
        u_class: Float[Array, "b t 1 d"],
        aligned: Float[Array, "b t g g d"],
        features: Float[Array, "b t g g c"],
    ) -> Tokens:
        """What is added to the tokens."""
        patches = self.skip_aligned(aligned) + self.skip_features(features)
        return as_tokens(self.skip_class(u_class), patches)


class MergedPrompts(VideoPrompts):
    """Prompts whose patches are projected after the mean over the frames, once and not T times."""

    def __init__(self, unmerged: VideoPrompts):
        self.visual_norm, self.norm = unmerged.visual_norm, unmerged.norm
        self.visual_projection = unmerged.visual_projection
        self.layers, self.alpha = unmerged.layers, unmerged.alpha

    def patch_features(self, patches: Float[Array, "b t p d"]) -> Float[Array, "b p e"]:
        """Projected patch tokens, the mean over the frames."""
        features: Array = self.visual_projection(self.visual_norm(patches).mean(axis=1))
        return features


def _fold_norms(module: Any, *, norms: dict[str, str]) -> None:
    """norms: names of batch norms of the module, each with that of the layer before it."""
    for name, before in norms.items():
        layer = getattr(module, before)
        factor, offset = getattr(module, name).factor_and_offset()
        # The outputs are the last axis of every layer's kernel.
        shaped = factor.reshape((1,) * (layer.kernel.ndim - 1) + (-1,))
        # New parameters: weights on the host would be changed in place.
        layer.kernel = nnx.Param(layer.kernel[...] * shaped)
        layer.bias = nnx.Param(layer.bias[...] * factor + offset)
        setattr(module, name, PassThrough())


def _merge_tube(tube: Any) -> None:
    """The attention's output and W_f become one layer."""
    tube.attn.out = _composed(tube.attn.out, tube.fc)
    tube.fc = PassThrough()


def _merge_alignment(block: Any) -> None:
    block.temporal = MergedAlignment(block.temporal)


def _merge_prompts(head: Any) -> None:
    head.prompts = MergedPrompts(head.prompts)


# What is done to each kind of module, in place. A row is needed for every module with batch norms.
FOLDS: dict[type[nnx.Module], Callable[[Any], None]] = {
    SeparableInteraction: functools.partial(
        _fold_norms, norms={"norm1": "depthwise", "norm2": "pointwise", "norm3": "conv"}
    ),
    DenseInteraction: functools.partial(_fold_norms, norms={"norm1": "conv1", "norm2": "conv2"}),
    PointPrediction: functools.partial(_fold_norms, norms={"norm1": "conv1", "norm2": "conv2"}),
    TubeAttention: _merge_tube,
    ILABlock: _merge_alignment,
    TextHead: _merge_prompts,
}


def _composed(first: nnx.Linear, second: nnx.Linear) -> nnx.Linear:
    """One layer for two that follow each other."""
    merged = nnx.clone(second)
    merged.in_features = first.in_features
    kernel, bias = composed(first, second)
    merged.kernel, merged.bias = nnx.Param(kernel), nnx.Param(bias)
    return merged


def _summed(one: nnx.Linear, other: nnx.Linear) -> nnx.Linear:
    """One layer for the sum of two of the same input."""
    merged = nnx.clone(one)
    merged.kernel = nnx.Param(one.kernel[...] + other.kernel[...])
    merged.bias = nnx.Param(_bias(one) + _bias(other))
    return merged


def _bias(layer: nnx.Linear) -> Array:
    assert layer.bias is not None, "every layer that is merged has one"
    return layer.bias[...]

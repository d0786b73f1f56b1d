"""The small networks that find points in pairs of frames (models.md 7a, 3 and 4)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.config import PointsConfig
from ila_jax.models.convolutions import (
    BatchNorm,
    Conv3x3,
    DepthwiseConv3x3,
    GroupedLinear,
    max_pool2,
)
from ila_jax.models.layers import Dtypes, Keys, zeros
from ila_jax.models.own_gradients import largest, relu
from ila_jax.models.temporal.alignment import mask, neighbours
from ila_jax.shapes import Alignment, Training


class SeparableInteraction(nnx.Module):
    """The interactive block's K400 form: depthwise 3×3, pointwise to the channels of F, 3×3."""

    def __init__(self, width: int, channels: int, *, dtypes: Dtypes, keys: Keys):
        self.depthwise = DepthwiseConv3x3(2 * width, dtypes=dtypes, keys=keys)
        self.norm1 = BatchNorm(2 * width, dtypes=dtypes)
        self.pointwise = dtypes.linear(2 * width, channels, keys=keys)
        self.norm2 = BatchNorm(channels, dtypes=dtypes)
        self.conv = Conv3x3(channels, channels, dtypes=dtypes, keys=keys)
        self.norm3 = BatchNorm(channels, dtypes=dtypes)

    def __call__(self, pairs: Float[Array, "m g g d2"], *, training: bool) -> Array:
        """The features F of each pair, [m, g, g, f]. training: whether norms are by the batch."""
        x = relu(self.norm1(self.depthwise(pairs), training=training))
        x = relu(self.norm2(self.pointwise(x), training=training))
        return relu(self.norm3(self.conv(x), training=training))


class DenseInteraction(nnx.Module):
    """The interactive block's SSv2 form: two full 3×3 convolutions."""

    def __init__(self, width: int, channels: int, *, dtypes: Dtypes, keys: Keys):
        self.conv1 = Conv3x3(2 * width, channels, dtypes=dtypes, keys=keys)
        self.norm1 = BatchNorm(channels, dtypes=dtypes)
        self.conv2 = Conv3x3(channels, channels, dtypes=dtypes, keys=keys)
        self.norm2 = BatchNorm(channels, dtypes=dtypes)

    def __call__(self, pairs: Float[Array, "m g g d2"], *, training: bool) -> Array:
        """The features F of each pair, [m, g, g, f]. training: whether norms are by the batch."""
        x = relu(self.norm1(self.conv1(pairs), training=training))
        return relu(self.norm2(self.conv2(x), training=training))


Interaction = SeparableInteraction | DenseInteraction
INTERACTIONS: dict[str, type[Interaction]] = {
    "k400": SeparableInteraction,
    "ssv2": DenseInteraction,
}


class AlignmentForm(NamedTuple):
    """What `ModelConfig` says of the layers that align. convolutions: a name in INTERACTIONS."""

    convolutions: str
    channels: int
    points: PointsConfig


class PointPrediction(nnx.Module):
    """From the features of a pair to two points (x, y), as released in [−0.75, 0.75].

    The first is in the previous frame, the second in the current one. Both start in the centre, as
    the last layer is zero.
    """

    def __init__(self, channels: int, *, points: PointsConfig, dtypes: Dtypes, keys: Keys):
        half, quarter = channels // 2, channels // 4
        self.conv1 = Conv3x3(channels, half, dtypes=dtypes, keys=keys)
        self.norm1 = BatchNorm(half, dtypes=dtypes)
        self.conv2 = Conv3x3(half, half, dtypes=dtypes, keys=keys)
        self.norm2 = BatchNorm(half, dtypes=dtypes)
        # Two groups, one for each frame's point: neither reads the other's half of the channels.
        self.fc1 = GroupedLinear(half, quarter, 2, dtypes=dtypes, keys=keys)
        self.fc2 = GroupedLinear(
            quarter, 4, 2, dtypes=dtypes, kernel_init=zeros, bias_init=zeros, keys=keys
        )
        self.points, self.dtypes = points, dtypes

    def __call__(self, x: Float[Array, "m g g f"], *, training: bool) -> Float[Array, "m 2 2"]:
        """The points [pair, frame of the pair, (x, y)] on the grid linspace(−1, 1, g)."""
        # Norm, then pooling, then ReLU, as in the released code.
        x = relu(max_pool2(self.norm1(self.conv1(x), training=training)))
        x = relu(max_pool2(self.norm2(self.conv2(x), training=training)))
        # The largest over the map, so that any grid leaves a number a channel.
        x = relu(self.fc1(largest(rearrange(x, "m h w c -> m (h w) c"))))
        points = self.points.reach * jnp.tanh(self.fc2(x).astype(self.dtypes.param))
        return points.reshape(-1, 2, 2)


def align(
    interaction: Interaction,
    prediction: PointPrediction,
    maps: Float[Array, "b t g g d"],
    training: Training | None,
    *,
    per_frame: Callable[[Array, Array], Array],
) -> Alignment:
    """Points, masks and features of every pair of neighbouring frames (steps 3 to 5).

    per_frame: how the two masks of a pair become one weight for each frame, by the model's form.
    Errors: ValueError for a single frame, which has no neighbour.
    """
    if maps.shape[1] < 2:
        raise ValueError("ILA aligns neighbouring frames: a clip needs at least 2, found 1")
    # All pairs of all clips are one batch, also to the batch norms.
    with jax.named_scope("interaction"):
        features = interaction(neighbours(maps), training=training is not None)
    with jax.named_scope("prediction"):
        points = prediction(features, training=training is not None)
    # Noise is for training alone: in inference a mask is around its point exactly.
    noise = None if training is None else training.noise.astype(points.dtype)
    masks = mask(points, maps.shape[2], noise, prediction.points.mask_width)
    pairs = {"s": maps.shape[1] - 1}
    previous = rearrange(masks[:, 0], "(b s) h w -> b s h w", **pairs)
    current = rearrange(masks[:, 1], "(b s) h w -> b s h w", **pairs)
    return Alignment(
        points=rearrange(points, "(b s) two xy -> b s two xy", **pairs),
        previous=previous,
        current=current,
        weights=per_frame(previous, current),
        interactive=rearrange(features, "(b s) h w f -> b s h w f", **pairs),
    )

"""What the alignment networks are made of: small convolutions, pooling, batch norm."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models import nvidia
from ila_jax.models.layers import Dtypes, Keys, torch_uniform, torch_uniform_bias
from ila_jax.models.own_convolutions import conv3x3, depthwise3x3, narrowing_conv3x3
from ila_jax.models.own_gradients import (
    BATCH_NORM_EPS,
    batch_normalise,
    largest,
    normalise,
)

_MOMENTUM = 0.9  # of the running statistics; PyTorch calls it 0.1


class Conv3x3(nnx.Module):
    """3×3 convolution, padding 1, with bias. Kernel HWIO."""

    def __init__(self, inputs: int, outputs: int, *, dtypes: Dtypes, keys: Keys):
        self.dtypes = dtypes
        shape = (3, 3, inputs, outputs)
        self.kernel = nnx.Param(torch_uniform(keys.params(), shape, dtypes.param))
        bias_init = torch_uniform_bias(9 * inputs)
        self.bias = nnx.Param(bias_init(keys.params(), (outputs,), dtypes.param))

    def __call__(self, x: Float[Array, "m g g i"]) -> Float[Array, "m g g o"]:
        """Each place of the map from its 3×3 neighbourhood; beyond the edge is 0."""
        kernel = self.kernel[...].astype(self.dtypes.compute)
        return _conv3x3_for(kernel)(x.astype(self.dtypes.compute), kernel) + _channels(
            self.bias, self.dtypes
        )


def _conv3x3_for(kernel: Float[Array, "three three i o"]) -> Callable[[Array, Array], Array]:
    """The fastest way to convolve with such a kernel here."""
    inputs, outputs = kernel.shape[2:]
    if nvidia.on_cuda():
        return nvidia.conv3x3
    return narrowing_conv3x3 if inputs >= 4 * outputs else conv3x3


class DepthwiseConv3x3(nnx.Module):
    """Depthwise 3×3 convolution, padding 1, with bias. Kernel [3, 3, c]."""

    def __init__(self, channels: int, *, dtypes: Dtypes, keys: Keys):
        self.dtypes = dtypes
        bias_init = torch_uniform_bias(9)  # a depthwise kernel sees 3×3 inputs
        self.kernel = nnx.Param(bias_init(keys.params(), (3, 3, channels), dtypes.param))
        self.bias = nnx.Param(bias_init(keys.params(), (channels,), dtypes.param))

    def __call__(self, x: Float[Array, "m g g c"]) -> Float[Array, "m g g c"]:
        """Each channel by itself; beyond the edge is 0."""
        kernel = self.kernel[...].astype(self.dtypes.compute)
        convolve = nvidia.depthwise3x3 if nvidia.on_cuda() else depthwise3x3
        y = convolve(x.astype(self.dtypes.compute), kernel)
        return y + _channels(self.bias, self.dtypes)


class TemporalConv(nnx.Module):
    """Convolution over time, three frames wide, zero padding, with bias. Kernel [3, i, o]."""

    def __init__(self, channels: int, *, dtypes: Dtypes, keys: Keys):
        self.dtypes = dtypes
        shape = (3, channels, channels)
        self.kernel = nnx.Param(torch_uniform(keys.params(), shape, dtypes.param))
        bias_init = torch_uniform_bias(3 * channels)
        self.bias = nnx.Param(bias_init(keys.params(), (channels,), dtypes.param))

    def __call__(self, x: Float[Array, "b t g g c"]) -> Float[Array, "b t g g c"]:
        """Each place from itself in the frame before, its own and the next."""
        kernel = self.kernel[...].astype(self.dtypes.compute)
        frames = x.shape[1]
        # Zeros before the first frame and after the last: the clip keeps its length.
        padded = jnp.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0), (0, 0)))
        y = sum(padded[:, i : i + frames] @ kernel[i] for i in range(3))
        return y + _channels(self.bias, self.dtypes, axes=4)


class GroupedLinear(nnx.Module):
    """A linear layer on channels split into groups, as PyTorch's 1×1 convolution with groups.

    The first of the groups' shares of the inputs makes the first share of the outputs, and so on.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        groups: int,
        *,
        dtypes: Dtypes,
        keys: Keys,
        kernel_init: Callable[..., Array] = torch_uniform,
        bias_init: Callable[..., Array] | None = None,
    ):
        self.dtypes = dtypes
        self.groups = groups
        bias_init = bias_init or torch_uniform_bias(inputs // groups)
        # [in/groups, out]: what a grouped kernel is in PyTorch, transposed; group by group in out.
        shape = (inputs // groups, outputs)
        self.kernel = nnx.Param(kernel_init(keys.params(), shape, dtypes.param))
        self.bias = nnx.Param(bias_init(keys.params(), (outputs,), dtypes.param))

    def __call__(self, x: Float[Array, "m i"]) -> Float[Array, "m o"]:
        """Channels to channels, group by group."""
        x = rearrange(x, "m (groups i) -> m groups i", groups=self.groups)
        kernel = rearrange(self.kernel[...], "i (groups o) -> groups i o", groups=self.groups)
        y = jnp.einsum("mui,uio->muo", x, kernel.astype(self.dtypes.compute))  # u: groups
        return rearrange(y, "m groups o -> m (groups o)") + _channels(
            self.bias, self.dtypes, axes=1
        )


class BatchNorm(nnx.Module):
    """Batch norm over all axes but the last, with PyTorch's running statistics.

    flax's keeps the biased running variance, PyTorch's the unbiased one.
    """

    def __init__(self, channels: int, *, dtypes: Dtypes):
        self.dtypes = dtypes
        self.scale = nnx.Param(jnp.ones(channels, dtypes.param))
        self.bias = nnx.Param(jnp.zeros(channels, dtypes.param))
        self.mean = nnx.BatchStat(jnp.zeros(channels, dtypes.param))
        self.var = nnx.BatchStat(jnp.ones(channels, dtypes.param))

    def __call__(self, x: Float[Array, "... c"], *, training: bool) -> Float[Array, "... c"]:
        """Normalises by the batch and updates the running statistics, or by these in inference."""
        if training:
            y, mean, var = batch_normalise(x, self.scale[...], self.bias[...])
            self._update(mean, var, count=x.size // x.shape[-1])
            return y
        return normalise(x, self.mean[...], self.var[...], self.scale[...], self.bias[...])

    def factor_and_offset(self) -> tuple[Float[Array, "c"], Float[Array, "c"]]:
        """What inference does to each channel x, as x·factor + offset."""
        factor = self.scale[...] * jax.lax.rsqrt(self.var[...] + BATCH_NORM_EPS)
        return factor, self.bias[...] - self.mean[...] * factor

    def _update(self, mean: Float[Array, "c"], var: Float[Array, "c"], *, count: int) -> None:
        """Moves the running statistics towards those of a batch of `count` numbers a channel."""
        # Only the running variance is unbiased: PyTorch normalises a batch by the biased one.
        unbiased = var * (count / max(count - 1, 1))
        self.mean[...] = _MOMENTUM * self.mean[...] + (1 - _MOMENTUM) * mean
        self.var[...] = _MOMENTUM * self.var[...] + (1 - _MOMENTUM) * unbiased


def max_pool2(x: Float[Array, "m g g c"]) -> Array:
    """2×2 max pooling; an odd last row or column is dropped, as PyTorch does."""
    # 7 → 3 → 1 at 224 pixels and patches of 32: the odd edge is lost twice there.
    half_h, half_w = x.shape[1] // 2, x.shape[2] // 2
    x = x[:, : 2 * half_h, : 2 * half_w]
    return largest(rearrange(x, "m (h i) (w j) c -> m h w (i j) c", i=2, j=2))


def _channels(bias: nnx.Param[Array], dtypes: Dtypes, axes: int = 3) -> Array:
    """A bias shaped to be added to an array with `axes` axes before the channels."""
    return bias[...].astype(dtypes.compute).reshape((1,) * axes + (-1,))

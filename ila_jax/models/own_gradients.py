"""Functions with gradients of their own, which keep and compute less than those that JAX derives.

JAX keeps for the backward pass whatever its rules meet on the way: nine windows of each map, the
sigmoid beside what it is taken of, a map less its mean. These keep their inputs, once. XLA merges
what the backward pass computes again with the same expression in the forward pass, and so keeps it
all the same: where something is computed again here, it is written as another expression.
"""

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

BATCH_NORM_EPS = 1e-5  # PyTorch's default in BatchNorm; flax's is 1e-6


@jax.custom_vjp
def quick_gelu(x: Float[Array, "*m"]) -> Float[Array, "*m"]:
    """CLIP's activation, z·σ(1.702 z)."""
    return x * jax.nn.sigmoid(1.702 * x)


def _quick_gelu_gradient(x: Array, dy: Array) -> tuple[Array]:
    # σ(z) as 1 − σ(−z), another expression than that of the forward pass. In float32 or wider: in
    # bfloat16 the difference would be rounded to 0.4 %.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    rest = jax.nn.sigmoid(-1.702 * wide)
    slope = (1 - rest) * (1 + 1.702 * wide * rest)
    return ((dy * slope).astype(x.dtype),)


quick_gelu.defvjp(lambda x: (quick_gelu(x), x), _quick_gelu_gradient)


@jax.custom_vjp
def conv3x3(
    x: Float[Array, "m g g i"], kernel: Float[Array, "three three i o"]
) -> Float[Array, "m g g o"]:
    """3×3 convolution of maps, padding 1: one matrix product with all nine windows of the inputs.

    On CPUs and for the small maps of this model that is faster than `lax.conv`, which takes up to
    three times as long as PyTorch's convolution there. The windows are not kept.
    """
    windows = jnp.concatenate([_window(x, i, j) for i, j in _PLACES], axis=-1)
    return (_rows(windows) @ kernel.reshape(-1, kernel.shape[-1])).reshape(*x.shape[:-1], -1)


@jax.custom_vjp
def narrowing_conv3x3(
    x: Float[Array, "m g g i"], kernel: Float[Array, "three three i o"]
) -> Float[Array, "m g g o"]:
    """The same where outputs are far fewer: each tap's product is shifted, and not its inputs.

    Nine windows of 1,536 channels would be the largest array of the whole model.
    """
    of_taps = (_rows(x) @ _taps(kernel)).reshape(*x.shape[:-1], -1)
    maps = jnp.split(of_taps, 9, axis=-1)
    return _sum(_window(of_tap, *place) for of_tap, place in zip(maps, _PLACES, strict=True))


def _conv3x3_gradients(inputs: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = inputs
    # What a tap shifted one way comes back the other: windows of dy serve both products.
    shifted = jnp.concatenate([_window(dy, 2 - i, 2 - j) for i, j in _PLACES], axis=-1)
    dx = (_rows(shifted) @ _taps(kernel).T).reshape(x.shape)
    d_taps = jnp.einsum("mi,mo->io", _rows(x), _rows(shifted))
    return dx, d_taps.reshape(-1, *kernel.shape[:2], kernel.shape[3]).transpose(1, 2, 0, 3)


conv3x3.defvjp(lambda x, kernel: (conv3x3(x, kernel), (x, kernel)), _conv3x3_gradients)
narrowing_conv3x3.defvjp(
    lambda x, kernel: (narrowing_conv3x3(x, kernel), (x, kernel)), _conv3x3_gradients
)


@jax.custom_vjp
def depthwise3x3(
    x: Float[Array, "m g g c"], kernel: Float[Array, "three three c"]
) -> Float[Array, "m g g c"]:
    """3×3 convolution of each channel by itself, padding 1: nine shifted multiply-adds."""
    return _sum(_window(x, i, j) * _channels(kernel[i, j]) for i, j in _PLACES)


def _depthwise3x3_gradients(inputs: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = inputs
    # Both from windows of dy: those of x, as the forward pass has them, would all be kept.
    windows = {(i, j): _window(dy, 2 - i, 2 - j) for i, j in _PLACES}
    dx = _sum(windows[i, j] * _channels(kernel[i, j]) for i, j in _PLACES)
    taps = [(windows[place] * x).sum((0, 1, 2)) for place in _PLACES]
    return dx, jnp.stack(taps).reshape(kernel.shape)


depthwise3x3.defvjp(
    lambda x, kernel: (depthwise3x3(x, kernel), (x, kernel)), _depthwise3x3_gradients
)


@jax.custom_vjp
def batch_normalise(
    x: Float[Array, "*m c"], scale: Float[Array, "c"], bias: Float[Array, "c"]
) -> Float[Array, "*m c"]:
    """x by its mean and biased variance over all axes but the last, then scaled and moved.

    Computed in the dtype of the scale; what is kept, and returned, is in that of x.
    """
    return normalise(x, *batch_statistics(x, scale.dtype), scale, bias)


def normalise(
    x: Float[Array, "*m c"],
    mean: Float[Array, "c"],
    var: Float[Array, "c"],
    scale: Float[Array, "c"],
    bias: Float[Array, "c"],
) -> Float[Array, "*m c"]:
    """(x − mean) / √(var + ε) · scale + bias, computed in the dtype of the scale."""
    # Scale and deviation first: they are a number a channel, and x is multiplied only once.
    inverse = scale * jax.lax.rsqrt(var + BATCH_NORM_EPS)
    mean, inverse, bias = (_channels(a, x.ndim) for a in (mean, inverse, bias))
    return ((x.astype(scale.dtype) - mean) * inverse + bias).astype(x.dtype)


def batch_statistics(x: Float[Array, "*m c"], dtype: Any) -> tuple[Array, Array]:
    """Mean and biased variance over all axes but the last, [c] each, computed in a dtype."""
    x = x.astype(dtype)
    axes = tuple(range(x.ndim - 1))
    return x.mean(axes), x.var(axes)


def _batch_normalise(x: Array, scale: Array, bias: Array) -> tuple[Array, tuple[Array, ...]]:
    mean, var = batch_statistics(x, scale.dtype)
    return normalise(x, mean, var, scale, bias), (x, mean, var, scale)


def _batch_normalise_gradients(kept: tuple[Array, ...], dy: Array) -> tuple[Array, Array, Array]:
    x, mean, var, scale = kept
    axes, count = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    dy = dy.astype(scale.dtype)
    inverse = jax.lax.rsqrt(var + BATCH_NORM_EPS)
    centred = x.astype(scale.dtype) - _channels(mean, x.ndim)
    d_bias = dy.sum(axes)
    d_scale = (dy * centred).sum(axes) * inverse
    # Mean and variance are of x as well: their shares are sums over the batch, a number a channel.
    by_mean = _channels(d_bias / count, x.ndim)
    by_variance = _channels(d_scale * inverse / count, x.ndim)
    dx = _channels(scale * inverse, x.ndim) * (dy - by_mean - centred * by_variance)
    return dx.astype(x.dtype), d_scale, d_bias


batch_normalise.defvjp(_batch_normalise, _batch_normalise_gradients)


@jax.custom_vjp
def largest(x: Float[Array, "*m k c"]) -> Float[Array, "*m c"]:
    """The largest of k values in each channel. Of equal ones the first takes the gradient.

    JAX asks in the backward pass which value equals the largest. XLA may compute the values again
    for that, and round them otherwise: then none does, and the gradient is lost.
    """
    return x.max(axis=-2)


def _largest(x: Array) -> tuple[Array, Array]:
    return x.max(axis=-2), jax.nn.one_hot(x.argmax(axis=-2), x.shape[-2], axis=-2, dtype=bool)


def _largest_gradient(is_largest: Array, dy: Array) -> tuple[Array]:
    return (jnp.where(is_largest, jnp.expand_dims(dy, -2), 0).astype(dy.dtype),)


largest.defvjp(_largest, _largest_gradient)


@jax.custom_vjp
def pairs(u: Float[Array, "b t *m"]) -> tuple[Array, Array]:
    """The previous and the current frame of each pair of neighbours, [b, t − 1, *m] each.

    JAX's gradient pads both with a frame of zeros and adds them up. XLA for CPUs takes all that
    comes before into that sum, a choice at each number, and computes it there for a second time.
    """
    return u[:, :-1], u[:, 1:]


def _pairs_gradient(_: None, gradients: tuple[Array, Array]) -> tuple[Array]:
    previous, current = gradients
    # Either end of the clip is in one pair only.
    inner = previous[:, 1:] + current[:, :-1]
    return (jnp.concatenate([previous[:, :1], inner, current[:, -1:]], axis=1),)


pairs.defvjp(lambda u: (pairs(u), None), _pairs_gradient)

_PLACES = [(i, j) for i in range(3) for j in range(3)]  # of the taps in a 3×3 kernel, row by row


def _window(x: Float[Array, "m g g c"], row: int, column: int) -> Float[Array, "m g g c"]:
    """What a tap of a 3×3 kernel sees of a map: the map moved by up to one place, 0 beyond it."""
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return padded[:, row : row + x.shape[1], column : column + x.shape[2]]


def _taps(kernel: Float[Array, "three three i o"]) -> Float[Array, "i nine_o"]:
    """All taps side by side: the nine matrices as one."""
    return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)


def _sum(maps: Iterable[Array]) -> Array:
    return functools.reduce(jnp.add, maps)


def _rows(x: Float[Array, "*m c"]) -> Float[Array, "rows c"]:
    return x.reshape(-1, x.shape[-1])


def _channels(a: Float[Array, "c"], axes: int = 4) -> Array:
    """A number a channel, shaped to go with an array of so many axes."""
    return a.reshape((1,) * (axes - 1) + (-1,))

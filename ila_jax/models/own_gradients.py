"""Functions with gradients of their own, which keep and compute less than those that JAX derives.

JAX keeps for the backward pass whatever its rules meet on the way: the sigmoid beside what it is
taken of, a map less its mean. These keep their input or their output, once, and compute the rest
again, behind a barrier (`barriers.py`).
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ila_jax.models.barriers import for_backward

BATCH_NORM_EPS = 1e-5  # PyTorch's default in BatchNorm; flax's is 1e-6


@jax.custom_vjp
def quick_gelu(x: Float[Array, "*m"]) -> Float[Array, "*m"]:
    """CLIP's activation, z·σ(1.702 z)."""
    return x * jax.nn.sigmoid(1.702 * x)


def _quick_gelu_gradient(x: Array, dy: Array) -> tuple[Array]:
    x, dy = for_backward(x, dy)
    # In float32 or wider: in bfloat16 the difference to 1 would be rounded to 0.4 %.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    sigmoid = jax.nn.sigmoid(1.702 * wide)
    slope = sigmoid * (1 + 1.702 * wide * (1 - sigmoid))
    return ((dy * slope).astype(x.dtype),)


quick_gelu.defvjp(lambda x: (quick_gelu(x), x), _quick_gelu_gradient)


@jax.custom_vjp
def relu(x: Float[Array, "*m"]) -> Float[Array, "*m"]:
    """The larger of x and 0."""
    return jax.nn.relu(x)


def _relu_gradient(y: Array, dy: Array) -> tuple[Array]:
    y, dy = for_backward(y, dy)
    return (jnp.where(y > 0, dy, 0),)


relu.defvjp(lambda x: _output_kept(relu(x)), _relu_gradient)


@jax.custom_vjp
def softmax(x: Float[Array, "*m c"]) -> Float[Array, "*m c"]:
    """exp(x) over its sum along the last axis."""
    return jax.nn.softmax(x)


def _softmax_gradient(y: Array, dy: Array) -> tuple[Array]:
    y, dy = for_backward(y, dy)
    return (y * (dy - (y * dy).sum(-1, keepdims=True)),)


softmax.defvjp(lambda x: _output_kept(softmax(x)), _softmax_gradient)


@jax.custom_vjp
def batch_normalise(
    x: Float[Array, "*m c"], scale: Float[Array, "c"], bias: Float[Array, "c"]
) -> tuple[Array, Array, Array]:
    """x by its mean and biased variance over all axes but the last, then scaled and moved.

    Returned are the normalised x, the mean and the variance, for which there is no gradient.
    Computed in the dtype of the scale; what is kept, and the normalised x, are in that of x.
    """
    return _batch_normalise(x, scale, bias)[0]


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


def _batch_normalise(
    x: Array, scale: Array, bias: Array
) -> tuple[tuple[Array, Array, Array], tuple[Array, ...]]:
    # Each of what follows would compute what x comes of for itself.
    x = jax.lax.optimization_barrier(x)
    wide, axes = x.astype(scale.dtype), tuple(range(x.ndim - 1))
    mean, var = wide.mean(axes), wide.var(axes)
    y = normalise(x, mean, var, scale, bias)
    return (y, mean, var), (x, mean, var, scale)


def _batch_normalise_gradients(
    kept: tuple[Array, ...], gradients: tuple[Array, Array, Array]
) -> tuple[Array, Array, Array]:
    (x, mean, var, scale), dy = for_backward(kept, gradients[0])
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


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def layer_normalise(
    x: Float[Array, "*m c"], scale: Float[Array, "c"], bias: Float[Array, "c"], eps: float
) -> Float[Array, "*m c"]:
    """Each row of x by its own mean and biased variance, then scaled and moved.

    Computed in the dtype of the scale; what is kept, and returned, is in that of x.
    """
    return _layer_normalise(x, scale, bias, eps)[0]


def _layer_normalise(
    x: Array, scale: Array, bias: Array, eps: float
) -> tuple[Array, tuple[Array, ...]]:
    wide = x.astype(scale.dtype)
    mean = wide.mean(-1, keepdims=True)
    inverse = jax.lax.rsqrt(wide.var(-1, keepdims=True) + eps)
    y = (wide - mean) * inverse * _channels(scale, x.ndim) + _channels(bias, x.ndim)
    return y.astype(x.dtype), (x, mean, inverse, scale)


def _layer_normalise_gradients(
    eps: float, kept: tuple[Array, ...], dy: Array
) -> tuple[Array, Array, Array]:
    (x, mean, inverse, scale), dy = for_backward(kept, dy)
    rows, dy = tuple(range(x.ndim - 1)), dy.astype(scale.dtype)
    normalised = (x.astype(scale.dtype) - mean) * inverse
    d_normalised = dy * _channels(scale, x.ndim)
    by_mean = d_normalised.mean(-1, keepdims=True)
    by_variance = (d_normalised * normalised).mean(-1, keepdims=True)
    dx = inverse * (d_normalised - by_mean - normalised * by_variance)
    return dx.astype(x.dtype), (dy * normalised).sum(rows), dy.sum(rows)


layer_normalise.defvjp(_layer_normalise, _layer_normalise_gradients)


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


def _output_kept(y: Array) -> tuple[Array, Array]:
    """An output and what is kept for its gradient: one array for both, and not each its own."""
    y = jax.lax.optimization_barrier(y)
    return y, y


def _channels(a: Float[Array, "c"], axes: int) -> Array:
    """A number a channel, shaped to go with an array of so many axes."""
    return a.reshape((1,) * (axes - 1) + (-1,))

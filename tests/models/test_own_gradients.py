"""Gradients that are written by hand equal those that JAX derives from the plain expressions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.models.layers import Dtypes, Keys
from ila_jax.models.own_gradients import (
    batch_normalise,
    largest,
    layer_normalise,
    pairs,
    quick_gelu,
    relu,
    softmax,
)
from tests.models.test_layers import normal


def plain_batch_norm(x, scale, bias):
    axes = tuple(range(x.ndim - 1))
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * scale[None, None, None] + bias[None, None, None]


def own_layer_norm(x, scale, bias):
    return layer_normalise(x, scale, bias, 1e-5)


def normalised(x, scale, bias):
    return batch_normalise(x, scale, bias)[0]


def plain_layer_norm(x, scale, bias):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * scale[None, None] + bias[None, None]


def stacked_pairs(x):
    return jnp.stack(pairs(x))


def plain_pairs(x):
    return jnp.stack([x[:, :-1], x[:, 1:]])


CASES = {
    "batch norm": (normalised, plain_batch_norm, [(3, 5, 4, 6), (6,), (6,)]),
    "layer norm": (own_layer_norm, plain_layer_norm, [(3, 5, 6), (6,), (6,)]),
    "ReLU": (relu, lambda x: jnp.where(x > 0, x, 0.0), [(50, 7)]),
    "softmax": (softmax, lambda x: jnp.exp(x) / jnp.exp(x).sum(-1, keepdims=True), [(5, 4, 7)]),
    "largest": (largest, lambda x: x.max(axis=2), [(3, 5, 4, 6)]),
    "pairs": (stacked_pairs, plain_pairs, [(2, 5, 3)]),
    "the one pair of two frames": (stacked_pairs, plain_pairs, [(2, 2, 3)]),
    "QuickGELU": (quick_gelu, lambda x: x / (1 + jnp.exp(-1.702 * x)), [(50, 7)]),
}


def check_gradients(own, plain, shapes):
    """Values and gradients of inputs of these shapes, against what JAX derives."""
    inputs = [2 * normal(*shape, seed=i) for i, shape in enumerate(shapes)]
    y, own_back = jax.vjp(own, *inputs)
    expected_y, plain_back = jax.vjp(plain, *inputs)
    np.testing.assert_allclose(y, expected_y, atol=1e-5)
    dy = normal(*y.shape, seed=9)
    for gradient, expected in zip(own_back(dy), plain_back(dy), strict=True):
        scale = float(jnp.abs(expected).max())
        np.testing.assert_allclose(gradient, expected, atol=2e-6 * scale)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_the_plain_expression(name):
    check_gradients(*CASES[name])


def test_in_bfloat16_the_tail_of_quick_gelu_has_a_slope():
    """Where σ is small, 1 − σ(−z) in bfloat16 would be off by more than it is."""
    x = jnp.asarray([-4.0, -3.0, 3.0], jnp.bfloat16)
    slopes = jax.vmap(jax.grad(quick_gelu))(x)
    assert slopes.dtype == jnp.bfloat16
    expected = jax.vmap(jax.grad(quick_gelu))(x.astype(jnp.float32))
    np.testing.assert_allclose(slopes.astype(jnp.float32), expected, rtol=4e-3)


def test_layer_norm_in_bfloat16_computes_in_float32():
    x = (100 + normal(64, 32)).astype(jnp.bfloat16)
    y, back = jax.vjp(own_layer_norm, x, jnp.ones(32), jnp.zeros(32))
    gradients = back(jnp.ones_like(y))
    assert [a.dtype for a in (y, *gradients)] == [jnp.bfloat16, jnp.bfloat16, *[jnp.float32] * 2]
    assert float(jnp.abs(y.astype(jnp.float32).mean(-1)).max()) < 1e-2


def test_of_relu_at_zero_nothing_comes_back():
    x = jnp.asarray([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(jax.grad(lambda x: relu(x).sum())(x), [0, 0, 1])


def test_batch_norm_in_bfloat16_computes_in_float32():
    x = (100 + normal(64, 4)).astype(jnp.bfloat16)
    scale, bias = jnp.ones(4), jnp.zeros(4)
    y, back = jax.vjp(normalised, x, scale, bias)
    gradients = back(jnp.ones_like(y))
    assert [a.dtype for a in (y, *gradients)] == [jnp.bfloat16, jnp.bfloat16, *[jnp.float32] * 2]
    assert float(jnp.abs(y.astype(jnp.float32).mean(0)).max()) < 1e-2


def test_linear_layers_keep_the_axes_of_their_inputs():
    layer, x = Dtypes.of("float32").linear(4, 3, keys=Keys(jax.random.key(0))), normal(2, 5, 6, 4)
    expected = np.asarray(x) @ np.asarray(layer.kernel[...]) + np.asarray(layer.bias[...])
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    np.testing.assert_allclose(layer(x[0, 0, 0]), expected[0, 0, 0], atol=1e-5)


def test_of_equal_values_the_first_takes_the_gradient():
    x = jnp.asarray([1.0, 3.0, 3.0, 2.0])[:, None]
    np.testing.assert_array_equal(jax.grad(lambda x: largest(x).sum())(x)[:, 0], [0, 1, 0, 0])

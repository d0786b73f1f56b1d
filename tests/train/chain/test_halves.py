"""Both passes of a function as two programs, with what one keeps for the other."""

import jax
import jax.numpy as jnp
import numpy as np

from ila_jax.train.chain.halves import halves


def layer(wanted, others):
    """What it keeps is kept in two shapes by JAX, and its weights are given."""
    w, x = wanted
    y = jnp.tanh(x.reshape(6, 4) @ w)
    z = jnp.sin(y.reshape(2, 3, 4)) * y.reshape(2, 3, 4) * others.reshape(1, 1, 4)
    return (z @ w).sum(), {"largest": z.max()}


def arguments():
    w, x, scale = (jnp.sin(jnp.arange(1.0, n + 1)) for n in (16, 24, 4))
    return (w.reshape(4, 4), x.reshape(2, 3, 4)), scale


def test_gradients_are_those_of_the_whole():
    wanted, others = arguments()
    forward, backward = map(jax.jit, halves(layer, wanted, others))
    value, aside, kept = forward(wanted, others)
    gradients = backward(wanted, others, kept, jnp.float32(1))
    (expected, expected_aside), expected_gradients = jax.value_and_grad(layer, has_aux=True)(
        wanted, others
    )
    assert value == expected
    assert aside == expected_aside
    for one, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_each_array_is_kept_once_and_what_was_given_is_not():
    wanted, others = arguments()
    forward, _ = halves(layer, wanted, others)
    kept = forward(wanted, others)[2]
    values = [np.sort(np.ravel(x)) for x in kept]
    for i, one in enumerate(values):
        for given in jax.tree.leaves((wanted, others)):
            assert one.size != given.size or not np.array_equal(one, np.sort(np.ravel(given)))
        for other in values[:i]:
            assert one.size != other.size or not np.array_equal(one, other)


def test_nothing_that_is_wanted_needs_no_backward_pass():
    forward, _ = halves(lambda wanted, x: (2 * x, {}), {}, jnp.ones(3))
    value, _, kept = forward({}, jnp.ones(3))
    assert (value == 2).all()
    assert kept == []

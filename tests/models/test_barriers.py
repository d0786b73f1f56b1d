"""What is computed again in a backward pass is not kept after all, by the XLA that is installed."""

import jax
import jax.numpy as jnp
import pytest

from ila_jax.models.barriers import compiler_options, for_backward

ROWS, WIDTH, DEPTH = 256, 128, 6


def layer(x, kernel):
    return (jnp.sin(x) * jnp.cos(2 * x)) @ kernel


@jax.custom_vjp
def own_layer(x, kernel):
    return layer(x, kernel)


def gradients_of_layer(kept, dy):
    kept, dy = for_backward(kept, dy)
    return jax.vjp(layer, *kept)[1](dy)


own_layer.defvjp(lambda x, kernel: (layer(x, kernel), (x, kernel)), gradients_of_layer)


def temporary_memory(layer, options):
    """Bytes of the temporary memory of the gradients of so many layers."""

    def loss(kernels, x):
        for kernel in kernels:
            x = layer(x, kernel)
        return (x * x).sum()

    kernels = [jax.ShapeDtypeStruct((WIDTH, WIDTH), jnp.float32)] * DEPTH
    x = jax.ShapeDtypeStruct((ROWS, WIDTH), jnp.float32)
    program = jax.jit(jax.grad(loss), compiler_options=options).lower(kernels, x).compile()
    return program.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("again", [own_layer, jax.checkpoint(layer)], ids=["own", "checkpoint"])
def test_what_a_backward_pass_computes_again_is_not_kept(again):
    held = temporary_memory(again, compiler_options("cpu"))
    kept = temporary_memory(layer, compiler_options("cpu"))
    # What goes into the product of each layer, but for the few in which it is computed again.
    assert held <= kept - (DEPTH - 3) * ROWS * WIDTH * 4


@pytest.mark.parametrize("platform", ["gpu", "tpu"])
def test_other_compilers_are_told_nothing(platform):
    assert compiler_options(platform) == {}


def test_values_and_gradients_are_those_without_a_barrier():
    x, kernel, dy = (jnp.sin(jnp.arange(6.0 + i)).reshape(-1, 2)[:3, :2] for i in (0, 2, 4))
    kernel = kernel[:2]
    y, back = jax.vjp(own_layer, x, kernel)
    expected_y, expected_back = jax.vjp(layer, x, kernel)
    assert jnp.array_equal(y, expected_y)
    for gradient, expected in zip(back(dy), expected_back(dy), strict=True):
        assert jnp.allclose(gradient, expected, atol=1e-6)

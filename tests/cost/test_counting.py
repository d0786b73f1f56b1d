"""The counter on functions whose multiply-accumulates are known by hand."""

import jax
import jax.numpy as jnp
import pytest

from ila_jax.cost.counting import count, count_by_scope
from ila_jax.models.convolutions import Conv3x3, DepthwiseConv3x3
from ila_jax.models.layers import Dtypes, Keys


def shape(*axes):
    return jax.ShapeDtypeStruct(axes, jnp.float32)


def test_a_matrix_product():
    assert count(jnp.matmul, shape(3, 5), shape(5, 7)) == 3 * 5 * 7


def test_a_batched_einsum():
    scores = lambda q, k: jnp.einsum("bihc,bjhc->bhij", q, k)  # noqa: E731
    assert count(scores, shape(2, 3, 4, 5), shape(2, 7, 4, 5)) == 2 * 4 * 3 * 7 * 5


def test_a_scan_of_products_counts_every_step():
    def run(x, weights):
        return jax.lax.scan(lambda y, w: (y @ w, None), x, weights)[0]

    assert count(run, shape(3, 5), shape(11, 5, 5)) == 11 * 3 * 5 * 5


def test_products_are_counted_by_the_scopes_that_they_are_in():
    def run(x, weights):
        def body(y, w):
            with jax.named_scope("mlp"):
                return jax.jit(jnp.matmul)(y, w), None

        with jax.named_scope("blocks"):
            x = jax.lax.scan(body, x, weights)[0]
        return x @ weights[0]

    macs = count_by_scope(run, shape(3, 5), shape(11, 5, 5))
    assert macs == {"blocks/mlp": 11 * 3 * 5 * 5, "": 3 * 5 * 5}


def test_a_loop_with_fixed_bounds_counts_every_round():
    run = lambda x, w: jax.lax.fori_loop(0, 6, lambda _, y: y @ w, x)  # noqa: E731
    assert count(run, shape(3, 5), shape(5, 5)) == 6 * 3 * 5 * 5


def test_products_in_a_loop_of_unknown_length_are_refused():
    def run(x):
        return jax.lax.while_loop(lambda y: y.sum() < 1, lambda y: y @ y, x)

    with pytest.raises(ValueError, match="its length is not in the trace"):
        count(run, shape(3, 3))


def test_a_loop_without_products_counts_nothing():
    assert count(lambda x: jax.lax.while_loop(lambda y: y < 9, lambda y: 2 * y, x), shape()) == 0


def test_of_branches_the_dearest():
    def run(x, w):
        return jax.lax.cond(x.sum() > 0, lambda: x @ w @ w, lambda: x @ w)

    assert count(run, shape(3, 5), shape(5, 5)) == 2 * 3 * 5 * 5


@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint])
def test_what_is_wrapped_is_counted(wrap):
    inner = wrap(lambda x: x @ x.T)
    assert count(lambda x: inner(x) + 1, shape(6, 5)) == 6 * 5 * 6


def test_what_is_mapped_is_counted_for_all():
    assert count(jax.vmap(lambda x: x @ x.T), shape(2, 3, 5)) == 2 * 3 * 5 * 3


def test_functions_with_their_own_derivative_are_counted():
    jvp, vjp = jax.custom_jvp(lambda x: x @ x), jax.custom_vjp(lambda x: x @ x)
    jvp.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    vjp.defvjp(lambda x: (x, None), lambda _, g: (g,))
    assert count(lambda x: jvp(x) + vjp(x), shape(5, 5)) == 2 * 5**3


def test_what_no_output_needs_is_not_counted():
    def run(x):
        unused = x @ x  # noqa: F841
        return x + 1

    assert count(run, shape(5, 5)) == 0


@pytest.mark.parametrize(("groups", "inputs"), [(1, 8), (2, 4), (8, 1)])
def test_a_convolution(groups, inputs):
    def run(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )  # fmt: skip

    macs = count(run, shape(2, 6, 7, 8), shape(3, 3, inputs, 16))
    assert macs == 2 * 6 * 7 * 16 * 9 * inputs


def dtypes_and_keys():
    return {"dtypes": Dtypes.of("float32"), "keys": Keys(jax.random.key(0))}


def test_a_depthwise_convolution_written_as_shifts():
    assert count(DepthwiseConv3x3(8, **dtypes_and_keys()), shape(2, 5, 5, 8)) == 2 * 25 * 9 * 8


def test_a_convolution_written_as_shifted_products():
    assert count(Conv3x3(8, 6, **dtypes_and_keys()), shape(2, 5, 5, 8)) == 2 * 25 * 9 * 8 * 6


def test_other_elementwise_products_are_not_counted():
    assert count(lambda x: x * x + (x[:1] * x[1:2]).sum(), shape(3, 3)) == 0

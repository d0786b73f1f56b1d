"""What the forward pass keeps: JAX's arrays, each once, and not what XLA takes from them again."""

import jax
import jax.numpy as jnp
import pytest

from ila_jax.train.dry_run import kept, report
from tests.train import runs


def spatial():
    config = runs.config({"model.temporal": "spatial"})  # quicker to trace than ILA
    return report.planned_recipe(config, report.known_data(config, None))


def test_two_and_three_blocks_tell_what_four_keep():
    deep = kept.of_depth(spatial(), 4)
    found = kept.traced(deep)
    assert kept.kept_bytes(deep, 6) == pytest.approx(found.fixed + 6 * found.clip, rel=1e-6)
    assert 0 < found.block < found.clip / 4


def held(function, *shapes, given=0):
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    trace = jax.make_jaxpr(function)(*inputs).jaxpr
    return kept.held_bytes(trace, set(trace.invars[:given]))


def test_the_same_numbers_in_another_shape_count_once():
    def function(x):
        y = x + 1
        inside = jax.jit(lambda y: (y.reshape(6, 4), y.T))(y)
        return y, *inside, jax.lax.optimization_barrier(y), y[:, None]

    assert held(function, (4, 6)) == 4 * 6 * 4


def test_what_is_cut_or_rounded_counts_where_its_source_is_not_held():
    def cut(y):
        return y[1:], y[1:].astype(jnp.bfloat16)

    assert held(lambda x: (x + 1, *cut(x + 1)), (4, 6)) == 4 * 6 * 4 + 3 * 6 * 4
    assert held(lambda x: cut(x + 1), (4, 6)) == 3 * 6 * 4

    def function(x):
        y = x + 1
        return y, *cut(y)

    assert held(function, (4, 6)) == 4 * 6 * 4


def test_calls_of_one_function_hold_their_own():
    double = jax.jit(lambda x: 2 * x)
    assert held(lambda x: (double(x), double(x + 1)), (5,)) == 2 * 5 * 4


def test_weights_do_not_count_but_their_copies_in_other_numbers_do():
    def function(weights, x):
        return weights, weights.T, weights.astype(jnp.bfloat16), x

    assert held(function, (2, 3), (5,), given=1) == 2 * 3 * 2 + 5 * 4

"""Programs that are called one after the other, and the memory that they take together."""

import jax
import jax.numpy as jnp

from ila_jax.train.chain.programs import Programs, memory_account, shape_of

N = 1 << 16  # numbers in an array
SIZE = 4 * N


def called(parts):
    """What is counted for so many parts of a batch, of which each has a pass forward and back."""
    programs = Programs({}, waits=True)
    x = shape_of(jnp.zeros(N))
    total = None
    for _ in range(parts):
        kept = programs("block_forward", lambda x: (x + 1, x + 2, x + 3), x)
        grads = programs("block_backward", lambda a, b, c: a * b * c, *kept)
        if total is None:
            total = programs("share", lambda grads: grads / 2, grads)
        else:
            total = programs("add", lambda a, b: a + b / 2, total, grads, donate=(0,))
    return memory_account(programs, (x,), state=())


def test_what_is_kept_is_freed_by_the_backward_pass_and_gradients_by_their_sum():
    # Whole arrays, as XLA adds some bytes for the list of a program's results. Three that are kept
    # and a gradient; of later parts beside the sum of the earlier ones.
    assert called(1).temp_size_in_bytes // SIZE == 4
    assert called(2).temp_size_in_bytes // SIZE == 5
    assert called(6).temp_size_in_bytes // SIZE == 5
    assert called(1).argument_size_in_bytes == SIZE


def test_called_with_arrays_it_runs_what_was_compiled_for_their_shapes():
    programs = Programs({}, waits=True)
    x = jnp.arange(4.0)
    assert programs("twice", lambda x: 2 * x, shape_of(x)) == shape_of(x)
    assert jnp.array_equal(programs("twice", lambda x: 2 * x, x), 2 * x)
    assert "HloModule jit_twice" in programs.as_text()
    assert isinstance(programs.program("twice"), jax.stages.Compiled)

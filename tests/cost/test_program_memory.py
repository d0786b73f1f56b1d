"""The memory of a compiled program, by XLA's account."""

import jax
import jax.numpy as jnp
import pytest

from ila_jax.cost.program_memory import ProgramMemory, program_memory

SIZE = 4 << 16  # bytes of an array


def test_a_result_in_an_arguments_place_takes_no_memory_beside_it():
    x = jax.ShapeDtypeStruct((SIZE // 4,), jnp.float32)
    program = jax.jit(lambda a, b: (a + 1, a * b), donate_argnums=0).lower(x, x).compile()
    memory = program_memory(program)
    assert (memory.arguments, memory.in_place) == (2 * SIZE, SIZE)
    # XLA adds some bytes for the list of the results.
    assert memory.results == pytest.approx(2 * SIZE, abs=64)
    assert memory.fresh == pytest.approx(SIZE, abs=64)
    assert memory.total == memory.arguments + memory.temporary + memory.fresh


def test_what_lies_beside_the_arguments_is_what_a_program_works_in():
    memory = ProgramMemory(arguments=100, results=60, in_place=50, temporary=7)
    assert (memory.fresh, memory.working, memory.total) == (10, 17, 117)


def test_a_backend_that_gives_no_account_is_told_from_one_that_needs_nothing():
    class Silent:
        def memory_analysis(self):
            return None

    assert program_memory(Silent()) is None

"""Compiling as a first start does, and as a later one that finds the program."""

import jax
import jax.numpy as jnp

from ila_jax.benchmark import compiling
from ila_jax.benchmark.compiling import compile_cold_and_cached
from ila_jax.train.compiled import traced_and_compiled


def lower():
    # A function of its own each time: jax would know the other one as traced already.
    return jax.jit(lambda x: jnp.tanh(x @ x)).lower(jnp.ones((4, 4)))


def compiled():
    return traced_and_compiled(lower)


def test_the_second_start_reads_what_the_first_compiled(tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    try:
        program, seconds = compile_cold_and_cached(compiled)
        assert jax.config.jax_compilation_cache_dir == str(tmp_path)
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
    assert min(seconds.tracing, seconds.cold, seconds.cached) > 0
    assert jnp.allclose(program(jnp.ones((4, 4))), jnp.tanh(4.0))
    assert not any(tmp_path.iterdir())  # the folder in use takes no part


def test_a_program_that_was_compiled_again_was_not_read(monkeypatch):
    entries = iter([{"a"}, {"a", "b"}])
    monkeypatch.setattr(compiling, "_entries", lambda folder: next(entries))
    assert compile_cold_and_cached(compiled)[1].cached is None

"""The time of a step's parts, from a trace by named scopes."""

import jax
import jax.numpy as jnp
import pytest

from ila_jax.cost import by_scope

PROGRAM = """
  ROOT %dot.9 = f32[8,8]{1,0} dot(%a, %b), metadata={op_name="jit(f)/jvp(f)/mlp/dot" x=1}
  %fusion.1 = f32[8]{0} fusion(%c), kind=kLoop, metadata={op_name="jit(f)/transpose(jvp())/mlp/add"}
  %parameter.1 = f32[8]{0} parameter(0)
"""


def test_scopes_of_a_program():
    assert by_scope.scopes_of(PROGRAM) == {
        "dot.9": "jit(f)/jvp(f)/mlp/dot",
        "fusion.1": "jit(f)/transpose(jvp())/mlp/add",
    }


@pytest.mark.parametrize(
    ("scopes", "part"),
    [
        ("jit(whole)/jvp()/block0/attention/dot_general", "attention"),
        ("jit(whole)/transpose(jvp())/blocks/while/body/mlp/mul", "MLP, backward"),
        ("jit(whole)/jvp()/block3/alignment/add", "alignment, the rest"),
        ("jit(whole)/jvp()/block11/add", "blocks, the rest"),
        ("jit(whole)/transpose(jvp(head))/dot_general", "head, backward"),
        ("jit(whole)/transpose/optimizer/mul", "optimizer"),
        ("jit(whole)/select_n", by_scope.OTHER),
        (None, by_scope.UNKNOWN),
    ],
)
def test_the_part_of_an_operation(scopes, part):
    assert by_scope.part_of_operation(scopes) == part


def test_a_traced_program_is_taken_apart(tmp_path):
    def loss(w, x):
        with jax.named_scope("attention"):
            y = jnp.tanh(x @ w)
        with jax.named_scope("mlp"):
            return (y @ w).sum()

    x = jnp.ones((256, 256))
    compiled = jax.jit(jax.grad(loss)).lower(x, x).compile()
    with jax.profiler.trace(str(tmp_path)):
        jax.block_until_ready(compiled(x, x))
    parts = by_scope.seconds_by_part(tmp_path, compiled.as_text())
    assert {"attention", "MLP, backward"} <= parts.keys()
    assert list(parts.values()) == sorted(parts.values(), reverse=True)
    assert min(parts.values()) > 0


def test_a_loop_is_counted_by_what_is_in_it(tmp_path):
    def run(x):
        def body(x, _):
            with jax.named_scope("mlp"):
                return jnp.tanh(x @ x), None

        return jax.lax.scan(body, x, length=20)[0]

    compiled = jax.jit(run).lower(x := jnp.ones((256, 256))).compile()
    with jax.profiler.trace(str(tmp_path)):
        jax.block_until_ready(compiled(x))
    names = [operation.name for operation in by_scope.operations(tmp_path)]
    assert len(names) >= 20
    assert not [name for name in names if name.startswith("while")]
    parts = by_scope.seconds_by_part(tmp_path, compiled.as_text())
    assert next(iter(parts)) == "MLP"


def test_a_folder_without_a_trace(tmp_path):
    with pytest.raises(ValueError, match="holds no trace"):
        list(by_scope.operations(tmp_path))

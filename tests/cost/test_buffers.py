"""What a program keeps at once, where that can be told by hand."""

import jax
import jax.numpy as jnp

from ila_jax.cost.buffers import Buffers, buffers_at_peak


def kept(rounds):
    """What the gradient of so many rounds of tanh(x w) keeps."""

    def loss(w, x):
        with jax.named_scope("mlp"):
            for _ in range(rounds):
                x = jnp.tanh(x @ w)
        return x.sum()

    x = jnp.ones((64, 64))
    return buffers_at_peak(jax.jit(jax.grad(loss)).lower(x, x).compile())


def test_what_is_kept_for_the_pass_backward():
    few, many = kept(4), kept(10)
    mlp, more = ({b.part: b for b in found}["MLP"] for found in (few, many))
    # The gradients of tanh and of the next product need tanh's result: one more a round.
    assert more.count == mlp.count + 6
    assert (more.shape, more.size) == ("f32[64,64]", more.count * 64 * 64 * 4)
    assert [b.size for b in many] == sorted((b.size for b in many), reverse=True)


def test_a_program_that_keeps_nothing():
    assert buffers_at_peak(jax.jit(lambda x: x + 1).lower(jnp.ones(4)).compile()) == []


class Program:
    """A compiled program with an assignment and a module that are written by hand."""

    # fmt: off
    serialized_buffer_assignment_proto = bytes([
        # Buffer 5, 300 bytes (as two groups of seven bits), the second result of instruction 7.
        0x0A, 12, 0x08, 5, 0x10, 0xAC, 0x02, 0x1A, 5, 0x1A, 1, 1, 0x20, 7,
        # Allocation 2 is temporary; 3 is an argument.
        0x1A, 2, 0x08, 2, 0x1A, 4, 0x08, 3, 0x28, 1,
        # Buffer 5 is in both when they are fullest.
        0x2A, 5, 0x08, 2, 0x12, 1, 5, 0x2A, 5, 0x08, 3, 0x12, 1, 5,
    ])
    # fmt: on

    def memory_analysis(self):
        return self

    def runtime_executable(self):
        return self

    def hlo_modules(self):
        return [self]

    def as_serialized_hlo_module_proto(self):
        # A computation with an instruction "f.1", whose number 7 is field 35.
        instruction = bytes([0x0A, 3]) + b"f.1" + bytes([0x98, 0x02, 7])
        computation = bytes([0x12, len(instruction)]) + instruction
        return bytes([0x1A, len(computation)]) + computation

    def as_text(self):
        return (
            "  %f.1 = (f32[2]{0}, bf16[150,1]{1,0}) fusion(%a), "
            'metadata={op_name="jit(f)/jvp(head)/add"}\n'
        )


def test_the_fields_of_an_assignment():
    assert buffers_at_peak(Program()) == [Buffers("head", "bf16[150,1]", 1, 300)]


def test_a_compiler_that_does_not_tell(monkeypatch):
    monkeypatch.setattr(Program, "serialized_buffer_assignment_proto", b"")
    assert buffers_at_peak(Program()) == []

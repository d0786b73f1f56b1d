"""The compiled form of a training step: one program, or a chain of them."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from jax.sharding import Mesh
from jaxtyping import Array

from ila_jax.freed_memory import give_back_freed_memory
from ila_jax.models.vit import TowerTokens
from ila_jax.shapes import TextFeatures
from ila_jax.train.chain.by_block import StepByBlock
from ila_jax.train.recipe import Recipe
from ila_jax.train.state import State
from ila_jax.train.step import StepOutput, compiled_step

# Of few and small blocks one program compiles as quickly and runs faster: a step of the quickstart
# takes 176 ms in place of 204. With the twelve of B/32 both take the same time.
MANY_BLOCKS = 8


class CompiledStep(NamedTuple):
    """A step that is ready to run, and the seconds that went into tracing it.

    program: (state, batch, text) → (new state, StepOutput), with `as_text` and `memory_analysis` as
    of what `jax.jit` compiles.
    """

    program: Any
    tracing: float


def compile_step(
    recipe: Recipe, mesh: Mesh, state: State, batch: dict[str, Any], text: TextFeatures | None
) -> CompiledStep:
    """The step for arrays that lie on the mesh as these do, or as their shapes do."""
    if by_block(recipe, mesh.devices.flat[0].platform, batch):
        chain = StepByBlock(recipe, mesh, state, batch, text)
        return CompiledStep(chain, chain.tracing)
    step = compiled_step(recipe, mesh, state)
    return CompiledStep(*traced_and_compiled(lambda: step.lower(state, batch, text)))


def traced_and_compiled(lower: Callable[[], Any]) -> tuple[Any, float]:
    """A compiled program, and the seconds of tracing. lower: gives it lowered."""
    begin = time.perf_counter()
    lowered = lower()
    tracing = time.perf_counter() - begin
    return lowered.compile(), tracing


def by_block(recipe: Recipe, platform: str, batch: dict[str, Any]) -> bool:
    """Whether a step is a chain of programs: on a CPU, with many blocks that train.

    On a GPU the chain was not measured yet.
    """
    blocks = recipe.config.model.geometry().depth - recipe.frozen_blocks
    # Of kept tokens no block is computed.
    tokens = isinstance(batch["video"], TowerTokens)
    return platform == "cpu" and blocks >= MANY_BLOCKS and not tokens


def compiled_apart(recipe: Recipe, mesh: Mesh) -> Callable[..., tuple[State, StepOutput]]:
    """A step whose first call compiles it before it runs it.

    What compiling took is given back in between, and not beside the memory that the step works in.
    All calls take arrays of the same shapes, as those of a run do.
    """
    program: Any = None

    def run(
        state: State, batch: dict[str, Array], text: TextFeatures | None
    ) -> tuple[State, StepOutput]:
        nonlocal program
        if program is None:
            program = compile_step(recipe, mesh, state, batch, text).program
            give_back_freed_memory()
        output: tuple[State, StepOutput] = program(state, batch, text)
        return output

    return run

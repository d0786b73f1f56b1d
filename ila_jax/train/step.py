"""One training step as a pure function of state and batch, and its compiled form over a mesh."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array

from ila_jax.freed_memory import give_back_freed_memory
from ila_jax.job.sharding import replicated, shardings
from ila_jax.models.barriers import compiler_options
from ila_jax.models.model import Variables
from ila_jax.shapes import Scalar, TextFeatures
from ila_jax.train.gradients import Gradients, batch_gradients
from ila_jax.train.norms import norms
from ila_jax.train.optimizers import descend
from ila_jax.train.parameter_groups import join, partition
from ila_jax.train.recipe import Recipe
from ila_jax.train.schedules import alignment_noise
from ila_jax.train.state import State, averaged


class StepOutput(NamedTuple):
    """What a compiled step returns beside the new state, the same on all devices and processes.

    metrics: by name, as `step` returns them. rows: what the batch has beyond `video` and `label`,
    of all processes: so each learns of every process's bad videos and stop signals.
    """

    metrics: dict[str, Any]
    rows: dict[str, Array]


def compiled_step(recipe: Recipe, mesh: Mesh, state: State) -> Any:
    """`step` for states that lie on a mesh as this one, or its shape, does.

    It takes (state, batch, text) and returns (new state, StepOutput). The state that it is given
    is gone afterwards: its memory holds the new one.
    """

    def whole(
        state: State, batch: dict[str, Array], text: TextFeatures | None
    ) -> tuple[State, StepOutput]:
        rows = {name: batch[name] for name in batch.keys() - {"video", "label"}}
        new_state, metrics = step(recipe, state, batch, text)
        return new_state, StepOutput(metrics, rows)

    out = (shardings(mesh, state), replicated(mesh))
    options = compiler_options(mesh.devices.flat[0].platform)
    return jax.jit(whole, donate_argnums=0, out_shardings=out, compiler_options=options)


def compiled_apart(step: Any) -> Callable[..., tuple[State, StepOutput]]:
    """A compiled step whose first call compiles it before it runs it.

    What compiling took is given back in between, and not beside the memory that the step works in.
    All calls take arrays of the same shapes, as those of a run do.
    """
    program: Any = None

    def run(
        state: State, batch: dict[str, Array], text: TextFeatures | None
    ) -> tuple[State, StepOutput]:
        nonlocal program
        if program is None:
            program = step.lower(state, batch, text).compile()
            give_back_freed_memory()
        output: tuple[State, StepOutput] = program(state, batch, text)
        return output

    return run


def step(
    recipe: Recipe, state: State, batch: dict[str, Array], text: TextFeatures | None
) -> tuple[State, dict[str, Any]]:
    """One step: augment, mix, descend. batch: `video` uint8 [b, t, h, w, 3], `label` as `Labels`.

    Returns the new state and the step's metrics by name: scalars, one value a block, or one value
    for each part of the model. A step whose loss or gradient is not finite is not applied, only
    counted.
    """
    config, number = recipe.config, state["step"]
    noise = alignment_noise(config.train.alignment_noise, number, steps=config.train.steps)
    variables = Variables(state["params"], state["batch_stats"])
    result = batch_gradients(recipe, variables, batch, text, number, noise)

    learning_rate = recipe.lr_schedule(number)
    # Of the gradients as they came, before the optimizer clips them: to see what there is to clip.
    gradient_norm_of = norms(result.grads)
    gradient_norm = optax.tree.norm(gradient_norm_of)
    finite = jnp.isfinite(result.losses.total) & jnp.isfinite(gradient_norm)
    # Chosen on the device: to ask the host would stop the pipeline. And one choice for the whole
    # state, not one an array: only so is each array written where it lies, and nothing copied.
    new_state, update_norms = jax.lax.cond(
        finite, functools.partial(_applied, recipe), _skipped, state, result, learning_rate
    )
    return new_state, {
        **_loss_metrics(result),
        "top1": result.top1,
        "gradient_norm": gradient_norm,
        "gradient_norm_of": gradient_norm_of,
        "update_norm_of": update_norms,
        "rate": learning_rate,
        "alignment_noise": noise,
        "skipped": new_state["skipped"],
        "skipped_in_row": new_state["skipped_in_row"],
    }


def _applied(
    recipe: Recipe, state: State, result: Gradients, learning_rate: Array
) -> tuple[State, dict[str, Scalar]]:
    """The state after a step, and the norms of what it has added to the parameters, by part."""
    number = state["step"]
    trainable, frozen = partition(state["params"], recipe.lr_factors)
    with jax.named_scope("optimizer"):
        direction, opt_state = recipe.optimizer.update(result.grads, state["opt_state"], trainable)
        moved = descend(trainable, direction, learning_rate, recipe.lr_factors)
    new_state = State(
        step=number + 1,
        params=join(moved, frozen),
        batch_stats=result.batch_stats,
        opt_state=opt_state,
        # The average takes the weights after the step, and frozen ones are never part of it.
        ema=averaged(recipe.config.train.ema, state["ema"], moved, number),
        skipped=state["skipped"],
        skipped_in_row=jnp.zeros_like(number),
    )
    return new_state, norms(jax.tree.map(jnp.subtract, moved, trainable))


def _skipped(
    state: State, result: Gradients, learning_rate: Array
) -> tuple[State, dict[str, Scalar]]:
    """The state before a step, with the step counted as skipped, and norms of zero."""
    counted = State(
        **{
            **state,
            # The step number goes on: it is the position in the data, which is not shown again.
            "step": state["step"] + 1,
            "skipped": state["skipped"] + 1,
            "skipped_in_row": state["skipped_in_row"] + 1,
        }
    )
    return counted, jax.tree.map(jnp.zeros_like, norms(result.grads))


def _loss_metrics(result: Gradients) -> dict[str, Array]:
    return {
        "loss": result.losses.total,
        "classification_loss": result.losses.classification,
        "alignment_loss": result.losses.alignment.sum(),
        "alignment_loss_of_block": result.losses.alignment,
    }

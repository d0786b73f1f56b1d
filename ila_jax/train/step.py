"""One training step as a pure function of state and batch, and its compiled form over a mesh."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Bool

from ila_jax.job.sharding import replicated, shardings
from ila_jax.models.barriers import compiler_options
from ila_jax.models.model import Variables
from ila_jax.shapes import Scalar, TextFeatures, Tree
from ila_jax.train.gradients import Losses, batch_gradients
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


def step(
    recipe: Recipe, state: State, batch: dict[str, Array], text: TextFeatures | None
) -> tuple[State, dict[str, Any]]:
    """One step: augment, mix, descend. batch: `video` uint8 [b, t, h, w, 3], `label` as `Labels`.

    Returns the new state and the step's metrics by name: scalars, one value a block, or one value
    for each part of the model. A step whose loss or gradient is not finite is not applied, only
    counted.
    """
    number = state["step"]
    variables = Variables(state["params"], state["batch_stats"])
    noise = noise_at(recipe, number)
    result = batch_gradients(recipe, variables, batch, text, number, noise)
    gradient_norm_of = norms(result.grads)
    verdict = judge(recipe, number, result.losses.total, gradient_norm_of)
    new_state, update_norm_of = advance(recipe, state, result.grads, result.batch_stats, verdict)
    skipped = new_state["skipped"], new_state["skipped_in_row"]
    norms_of = gradient_norm_of, update_norm_of
    return new_state, metrics(
        recipe, number, result.losses, result.top1, verdict, norms_of, skipped
    )


def noise_at(recipe: Recipe, number: Array) -> Scalar:
    """The radius of the alignment noise at a step."""
    train = recipe.config.train
    return alignment_noise(train.alignment_noise, number, steps=train.steps)


class Verdict(NamedTuple):
    """How a step is taken. finite: whether it is. gradient_norm: before the optimizer clips it."""

    finite: Bool[Array, ""]
    gradient_norm: Scalar
    learning_rate: Scalar


def judge(
    recipe: Recipe, number: Array, loss: Scalar, gradient_norm_of: dict[str, Scalar]
) -> Verdict:
    """The verdict on a step, from its loss and the norms of its gradients."""
    gradient_norm = optax.tree.norm(gradient_norm_of)
    finite = jnp.isfinite(loss) & jnp.isfinite(gradient_norm)
    return Verdict(finite, gradient_norm, recipe.lr_schedule(number))


def advance(
    recipe: Recipe, state: State, grads: Tree, batch_stats: Tree, verdict: Verdict
) -> tuple[State, dict[str, Scalar]]:
    """The state after a step, and the norms of what it has added to the parameters, by part.

    It may be the state of some parameters alone, as of a model that has no others.
    """
    # Chosen on the device: to ask the host would stop the pipeline. And one choice for the whole
    # state, not one an array: only so is each array written where it lies, and nothing copied.
    new: tuple[State, dict[str, Scalar]] = jax.lax.cond(
        verdict.finite,
        functools.partial(_applied, recipe),
        _skipped,
        state,
        grads,
        batch_stats,
        verdict,
    )
    return new


def _applied(
    recipe: Recipe, state: State, grads: Tree, batch_stats: Tree, verdict: Verdict
) -> tuple[State, dict[str, Scalar]]:
    number = state["step"]
    trainable, frozen = partition(state["params"], recipe.lr_factors)
    with jax.named_scope("optimizer"):
        direction, opt_state = recipe.optimizer.update(
            grads, state["opt_state"], trainable, gradient_norm=verdict.gradient_norm
        )
        moved = descend(trainable, direction, verdict.learning_rate, recipe.lr_factors)
    new_state = State(
        step=number + 1,
        params=join(moved, frozen),
        batch_stats=batch_stats,
        opt_state=opt_state,
        # The average takes the weights after the step, and frozen ones are never part of it.
        ema=averaged(recipe.config.train.ema, state["ema"], moved, number),
        skipped=state["skipped"],
        skipped_in_row=jnp.zeros_like(number),
    )
    return new_state, norms(jax.tree.map(jnp.subtract, moved, trainable))


def _skipped(
    state: State, grads: Tree, batch_stats: Tree, verdict: Verdict
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
    return counted, jax.tree.map(jnp.zeros_like, norms(grads))


def metrics(
    recipe: Recipe,
    number: Array,
    losses: Losses,
    top1: Scalar,
    verdict: Verdict,
    norms_of: tuple[dict[str, Scalar], dict[str, Scalar]],
    skipped: tuple[Array, Array],
) -> dict[str, Any]:
    """What a step says, by name. number: of the step. norms_of: gradients and updates, by part.

    skipped: of the state after the step, all of them and those in a row.
    """
    return {
        "loss": losses.total,
        "classification_loss": losses.classification,
        "alignment_loss": losses.alignment.sum(),
        "alignment_loss_of_block": losses.alignment,
        "top1": top1,
        "gradient_norm": verdict.gradient_norm,
        "gradient_norm_of": norms_of[0],
        "update_norm_of": norms_of[1],
        "rate": verdict.learning_rate,
        "alignment_noise": noise_at(recipe, number),
        "skipped": skipped[0],
        "skipped_in_row": skipped[1],
    }

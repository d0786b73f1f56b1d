"""The state of a run as a plain dict: everything that a checkpoint holds."""

from typing import TypedDict

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from ila_jax.models.model import Variables
from ila_jax.shapes import Tree
from ila_jax.train.parameter_groups import partition


class State(TypedDict):
    """What a run carries from step to step. Its keys are paths of checkpoints and of sharding.

    step: the number of steps done, and so the position in the data: the next batch is this one.
    opt_state: of the trainable parameters alone. ema: the average of the trainable parameters,
    empty without `train.ema`. skipped: how many steps were not applied because the loss was not
    finite; skipped_in_row: how many of them were the last ones without a finite step between.
    """

    step: Int[Array, ""]
    params: Tree
    batch_stats: Tree
    opt_state: optax.OptState
    ema: Tree
    skipped: Int[Array, ""]
    skipped_in_row: Int[Array, ""]


def fresh_state(
    variables: Variables,
    optimizer: optax.GradientTransformation,
    lr_factors: dict[str, float],
    *,
    ema: bool,
) -> State:
    """The state before the first step. Frozen parameters get no optimizer state and no average.

    lr_factors: of the learning rate by path, as the recipe has them. ema: whether to keep an
    average of the weights.
    """
    trainable, _ = partition(variables.params, lr_factors)
    return State(
        step=jnp.zeros((), jnp.int32),
        params=variables.params,
        batch_stats=variables.batch_stats,
        opt_state=optimizer.init(trainable),
        # A copy: a step takes its state over, and one buffer cannot be given away twice.
        ema=jax.tree.map(jnp.copy, trainable) if ema else {},
        skipped=jnp.zeros((), jnp.int32),
        skipped_in_row=jnp.zeros((), jnp.int32),
    )


def averaged(share: float, ema: Tree, params: Tree, step: Int[Array, ""]) -> Tree:
    """share·ema + (1 − share)·params after a step; an empty average stays empty.

    share: of the past, `train.ema`. step: the number of the step, from 0.
    """
    if not ema:
        return ema
    # Early on the past counts less, so that the first weights are soon forgotten: at step 0 a
    # tenth, and from step 9,000 on all of a share of 0.999.
    past = jnp.minimum(share, (1 + step) / (10 + step))
    average: Tree = jax.tree.map(
        lambda a, b: (past * a + (1 - past) * b).astype(a.dtype), ema, params
    )
    return average

"""The state of a run as a plain dict: everything that a checkpoint holds."""

from typing import TypedDict

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from ila_jax.models.model import Variables
from ila_jax.shapes import Tree
from ila_jax.train.optim import partition


class State(TypedDict):
    """step: of the next batch, which is also the position in the data.

    ema: the average of the trainable parameters, empty without `train.ema`.
    skipped: steps not applied because the loss was not finite; skipped_in_row: of them, the last
    in a row.
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
    rates: dict[str, float],
    *,
    ema: bool,
) -> State:
    """The state before the first step. Frozen parameters get no optimizer state and no average."""
    trainable, _ = partition(variables.params, rates)
    return State(
        step=jnp.zeros((), jnp.int32),
        params=variables.params,
        batch_stats=variables.batch_stats,
        opt_state=optimizer.init(trainable),
        ema=jax.tree.map(jnp.copy, trainable) if ema else {},
        skipped=jnp.zeros((), jnp.int32),
        skipped_in_row=jnp.zeros((), jnp.int32),
    )


def averaged(share: float, ema: Tree, params: Tree, at: Int[Array, ""]) -> Tree:
    """share·ema + (1 − share)·params after step `at`; an empty average stays empty.

    Early on the share is smaller, (1 + at)/(10 + at): the first weights are soon forgotten.
    """
    if not ema:
        return ema
    past = jnp.minimum(share, (1 + at) / (10 + at))
    return jax.tree.map(lambda a, b: (past * a + (1 - past) * b).astype(a.dtype), ema, params)

"""The state of a run as a plain dict: everything that a checkpoint holds."""

from typing import TypedDict

import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from ila_jax.models.model import Variables
from ila_jax.shapes import Tree
from ila_jax.train.optim import partition


class State(TypedDict):
    """step: of the next batch, which is also the position in the data.

    skipped: steps not applied because the loss was not finite; skipped_in_row: of them, the last
    in a row.
    """

    step: Int[Array, ""]
    params: Tree
    batch_stats: Tree
    opt_state: optax.OptState
    skipped: Int[Array, ""]
    skipped_in_row: Int[Array, ""]


def fresh_state(
    variables: Variables, optimizer: optax.GradientTransformation, rates: dict[str, float]
) -> State:
    """The state before the first step. Frozen parameters get no optimizer state."""
    trainable, _ = partition(variables.params, rates)
    return State(
        step=jnp.zeros((), jnp.int32),
        params=variables.params,
        batch_stats=variables.batch_stats,
        opt_state=optimizer.init(trainable),
        skipped=jnp.zeros((), jnp.int32),
        skipped_in_row=jnp.zeros((), jnp.int32),
    )

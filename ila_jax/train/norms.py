"""Norms of gradients and updates by part of the model, which tell which part learns."""

from typing import Any

import jax.numpy as jnp
import optax

from ila_jax.models.parts import part_of
from ila_jax.models.paths import by_path
from ila_jax.shapes import Scalar, Tree


def norms(tree: Tree) -> dict[str, Scalar]:
    """The L2 norm of each part of the model that a tree of gradients or updates has leaves of."""
    leaves: dict[str, list[Any]] = {}
    for path, value in by_path(tree).items():
        leaves.setdefault(part_of(path), []).append(value)
    return {part: optax.tree.norm(_in_fewer(values)) for part, values in leaves.items()}


def _in_fewer(arrays: list[Any]) -> list[Any]:
    """The same numbers in fewer arrays: vectors of one length are the rows of one.

    Two thirds of a model's parameters are biases and norms. Squared and summed one by one, each
    takes operations of its own, which compile longer than they run.
    """
    vectors: dict[int, list[Any]] = {}
    for x in arrays:
        if x.ndim == 1:
            vectors.setdefault(x.size, []).append(x)
    others = [x for x in arrays if x.ndim != 1]
    return others + [jnp.stack(alike) for alike in vectors.values()]

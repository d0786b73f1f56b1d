"""Norms of gradients and updates by part of the model, which tell which part learns."""

from typing import Any

import optax

from ila_jax.models.parts import part_of
from ila_jax.models.paths import by_path
from ila_jax.shapes import Scalar, Tree


def norms(tree: Tree) -> dict[str, Scalar]:
    """The L2 norm of each part of the model that a tree of gradients or updates has leaves of."""
    leaves: dict[str, list[Any]] = {}
    for path, value in by_path(tree).items():
        leaves.setdefault(part_of(path), []).append(value)
    return {part: optax.tree.norm(values) for part, values in leaves.items()}

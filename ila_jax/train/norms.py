"""Norms of gradients and updates by part of the model, which tell which part learns."""

import re
from typing import Any

import optax

from ila_jax.shapes import Scalar, Tree
from ila_jax.train.paths import by_path

# The first match names the part of a path: what a temporal model adds lies inside the tower's
# paths, and so has to come before the tower.
PARTS = {
    "temporal": r"visual/.*temporal(/.*|_embedding)",
    "tower": r"visual/.*",
    "mit": r"mit/.*",
    "head": r"head/.*",
    "text": r"text/.*",
}


def norms(tree: Tree) -> dict[str, Scalar]:
    """The L2 norm of each part of the model that a tree of gradients or updates has leaves of."""
    leaves: dict[str, list[Any]] = {}
    for path, value in by_path(tree).items():
        leaves.setdefault(part_of(path), []).append(value)
    return {part: optax.tree.norm(values) for part, values in leaves.items()}


def part_of(path: str) -> str:
    """The part of the model, a key of PARTS, that the parameter of a path belongs to."""
    return next(name for name, pattern in PARTS.items() if re.fullmatch(pattern, path))

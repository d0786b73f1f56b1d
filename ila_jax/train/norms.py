"""Norms by part of the model, to see which part learns."""

import re

import optax
from flax.traverse_util import flatten_dict

from ila_jax.shapes import Scalar, Tree

# The first match names the part of a path.
PARTS = {
    "temporal": r"visual/.*temporal(/.*|_embedding)",
    "tower": r"visual/.*",
    "mit": r"mit/.*",
    "head": r"head/.*",
    "text": r"text/.*",
}


def norms(tree: Tree) -> dict[str, Scalar]:
    """The norm of each part that a tree of gradients or updates has."""
    found: dict[str, list] = {}
    for path, value in flatten_dict(tree, sep="/").items():
        found.setdefault(part_of(path), []).append(value)
    return {part: optax.tree.norm(values) for part, values in found.items()}


def part_of(path: str) -> str:
    """The part that a parameter is of."""
    return next(name for name, pattern in PARTS.items() if re.fullmatch(pattern, path))

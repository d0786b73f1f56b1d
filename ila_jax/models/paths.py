"""Trees of parameters by path, such as `head/fc/kernel`: what groups, decay and norms go by."""

from typing import Any

from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.shapes import Tree


def by_path(tree: Tree) -> dict[str, Any]:
    """The leaves of a nested dict by their path, the names joined by "/"."""
    leaves: dict[str, Any] = flatten_dict(tree, sep="/")
    return leaves


def from_paths(leaves: dict[str, Any]) -> Tree:
    """The nested dict of leaves by path: what `by_path` took apart."""
    tree: Tree = unflatten_dict(leaves, sep="/")
    return tree

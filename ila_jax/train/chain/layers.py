"""A run's state by layer of the model: before the image tower's blocks, each block, and after them.

Blocks that are built alike are given the names of the first of them, so that the same programs
serve them all.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import optax
from jax.tree_util import keystr, tree_flatten_with_path, tree_structure, tree_unflatten

from ila_jax.models import in_parts
from ila_jax.models.paths import by_path
from ila_jax.shapes import Tree
from ila_jax.train.parameter_groups import layer_of, partition
from ila_jax.train.recipe import Recipe
from ila_jax.train.state import State


class Layer(NamedTuple):
    """The variables of a layer, by path."""

    trainable: dict[str, Any]
    frozen: dict[str, Any]
    stats: dict[str, Any]


class Layers:
    """Takes a run's arrays apart by layer, and puts them together again.

    Layers are counted from 0, before the blocks, to depth + 1, after them; block i is layer i + 1.
    alike: for each layer the first one that has the same programs.
    """

    def __init__(self, recipe: Recipe, state: State):
        """state: of the run, or the shapes of its arrays and where they lie."""
        self._recipe, self._depth = recipe, recipe.config.model.geometry().depth
        self.alike = list(range(self._depth + 2))
        self._find_alike(self.variables(state["params"], state["batch_stats"]))
        paths, self._structure = tree_flatten_with_path(state["opt_state"])
        parameters = by_path(state["params"])
        names = [keystr(path, simple=True, separator="/") for path, _ in paths]
        # Of each array of the optimizer its layer, and None where it is of no parameter.
        self._layer_of = [self._layer_of_moment(name, parameters) for name in names]

    def _find_alike(self, layers: Sequence[Layer]) -> None:
        first: dict[Any, int] = {}
        frozen, passes = self._recipe.frozen_blocks, bool(layers[0].trainable)
        for i in range(frozen + 1, self._depth + 1):
            factors = [self._recipe.lr_factors[path] for path in layers[i].trainable]
            arrays, tree = jax.tree.flatten([self._named(kind, i, 1) for kind in layers[i]])
            kind = (
                in_parts.block_structure(self._recipe.config.model, i - 1),
                tree,
                *((x.shape, x.dtype, x.sharding) for x in arrays),
                *factors,
                # Where nothing before a block trains, nobody asks for the gradient of its tokens.
                passes,
            )
            self.alike[i] = first.setdefault(kind, i)
            passes = passes or bool(layers[i].trainable)

    def _layer_of_moment(self, name: str, parameters: dict[str, Any]) -> int | None:
        words = name.split("/")
        ends = ("/".join(words[i:]) for i in range(len(words)))
        path = next((end for end in ends if end in parameters), None)
        return None if path is None else layer_of(path, self._depth)

    def variables(self, params: Tree, stats: Tree) -> list[Layer]:
        """The variables of each layer, by the names of the layer that is `alike`."""
        kinds = (*partition(params, self._recipe.lr_factors), stats)
        return [Layer(*layer) for layer in zip(*map(self.by_layer, kinds), strict=True)]

    def by_layer(self, tree: Tree) -> list[dict[str, Any]]:
        """The arrays of a tree of parameters, such as their average, in the same way."""
        layers: list[dict[str, Any]] = [{} for _ in self.alike]
        for path, value in by_path(tree).items():
            layers[layer_of(path, self._depth)][path] = value
        return [self._named(layer, i, self.alike[i]) for i, layer in enumerate(layers)]

    def by_own_path(self, layers: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The arrays of all layers by the paths that they have in the model."""
        found = {}
        for i, layer in enumerate(layers):
            found.update(self._named(layer, self.alike[i], i))
        return found

    def _named(self, arrays: dict[str, Any], layer: int, other: int) -> dict[str, Any]:
        """The arrays of a layer by the names that they would have in another one."""
        if layer == other:
            return arrays
        cut, prefix = len(in_parts.block_path(layer - 1)), in_parts.block_path(other - 1)
        return {prefix + path[cut:]: value for path, value in arrays.items()}

    def moments(self, opt_state: optax.OptState) -> tuple[list[list[Any]], list[Any]]:
        """The optimizer's arrays of each layer, and those that are of no parameter."""
        layers: list[list[Any]] = [[] for _ in self.alike]
        shared: list[Any] = []
        for layer, value in zip(self._layer_of, jax.tree.leaves(opt_state), strict=True):
            (shared if layer is None else layers[layer]).append(value)
        return layers, shared

    def of_moments(self, layers: Sequence[Sequence[Any]], shared: Sequence[Any]) -> optax.OptState:
        """The way back."""
        values, rest = [iter(layer) for layer in layers], iter(shared)
        leaves = [next(rest if layer is None else values[layer]) for layer in self._layer_of]
        return tree_unflatten(self._structure, leaves)

    def of_layer(
        self, layer: int, trainable: Tree, own: Sequence[Any], shared: Sequence[Any]
    ) -> optax.OptState:
        """The optimizer's state as of a model that has this layer alone, with these parameters."""
        structure = tree_structure(jax.eval_shape(self._recipe.optimizer.init, trainable))
        values, rest = iter(own), iter(shared)
        return tree_unflatten(
            structure,
            [next(rest if of is None else values) for of in self._layer_of if of in (None, layer)],
        )

    def from_layer(self, layer: int, opt_state: optax.OptState) -> tuple[list[Any], list[Any]]:
        """The way back: its own arrays, and those that are of no parameter."""
        places = [of for of in self._layer_of if of in (None, layer)]
        pairs = list(zip(places, jax.tree.leaves(opt_state), strict=True))
        return [x for of, x in pairs if of is not None], [x for of, x in pairs if of is None]

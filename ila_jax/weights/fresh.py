"""Fresh values for what a file does not hold."""

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.recognizer import Recognizer
from ila_jax.shapes import Tree


def fill(config: ModelConfig, partial: Variables, *, seed: int) -> Variables:
    """The variables of a model: those given, the others as a fresh model starts (models.md)."""
    wanted = model.abstract(config)
    params, stats = (_missing(*pair) for pair in zip(partial, wanted, strict=True))
    if params or stats:
        # In one program, so that nothing is made that is not kept.
        @jax.jit
        def make() -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
            fresh = model.initialize(config, seed)
            return _pick(fresh.params, params), _pick(fresh.batch_stats, stats)

        made = make()
    else:
        made = {}, {}
    return Variables(
        *(
            unflatten_dict(flatten_dict(have, sep="/") | new, sep="/")
            for have, new in zip(partial, made, strict=True)
        )
    )


def on_device(recognizer: Recognizer) -> Recognizer:
    """The same with weights of its own on the device, where the converted ones are views."""
    variables = jax.tree.map(jnp.array, recognizer.variables)
    return Recognizer(recognizer.config, variables, recognizer.class_names, recognizer.origin)


def _missing(have: Tree, want: Tree) -> list[str]:
    return sorted(flatten_dict(want, sep="/").keys() - flatten_dict(have, sep="/").keys())


def _pick(tree: Tree, paths: list[str]) -> dict[str, jax.Array]:
    flat = flatten_dict(tree, sep="/")
    return {path: flat[path] for path in paths}

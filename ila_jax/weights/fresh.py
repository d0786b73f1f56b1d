"""Fresh values for what a file does not hold."""

import re

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from ila_jax.shapes import Tree

# Divided attention and ATA start along time as copies of each block's attention and norm in space
# (models.md 4): of CLIP's, where those are given.
_COPYING = ("divided", "ata")
_COPIES = (
    (r"(visual/blocks/\d+)/temporal/attn/(.*)", r"\1/spatial/attn/\2"),
    (r"(visual/blocks/\d+)/temporal/norm/(.*)", r"\1/spatial/norm1/\2"),
)


def fill(config: ModelConfig, partial: Variables, *, seed: int) -> Variables:
    """The variables of a model: those given, the others as a fresh model starts (models.md)."""
    wanted = model.abstract(config)
    partial = _copied(config, partial, wanted)
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


def _copied(config: ModelConfig, partial: Variables, wanted: Variables) -> Variables:
    """With the parameters that start as copies of given ones."""
    if config.temporal not in _COPYING:
        return partial
    have = flatten_dict(partial.params, sep="/")
    for path in _missing(partial.params, wanted.params):
        for pattern, source in _COPIES:
            found = re.fullmatch(pattern, path)
            if found and found.expand(source) in have:
                have[path] = have[found.expand(source)]
    return Variables(unflatten_dict(have, sep="/"), partial.batch_stats)


def on_device(recognizer: Recognizer) -> Recognizer:
    """The same with weights of its own on the device, where the converted ones are views."""
    return Recognizer(
        recognizer.config,
        jax.tree.map(jnp.array, recognizer.variables),
        recognizer.class_names,
        recognizer.origin,
        recognizer.views,
    )


def _missing(have: Tree, want: Tree) -> list[str]:
    return sorted(flatten_dict(want, sep="/").keys() - flatten_dict(have, sep="/").keys())


def _pick(tree: Tree, paths: list[str]) -> dict[str, jax.Array]:
    flat = flatten_dict(tree, sep="/")
    return {path: flat[path] for path in paths}

"""Initialises what a file does not hold, as in a new model of the same kind."""

import re

import jax
import jax.numpy as jnp

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.paths import by_path, from_paths
from ila_jax.recognizer import Recognizer
from ila_jax.shapes import Tree

# Divided attention and ATA start along time as copies of each block's attention and norm in space
# (models.md 4). Where a file has CLIP's weights in space, the copies are of those.
_COPYING = ("divided", "ata")
# Paths along time, and what they start as copies of.
_COPIES = (
    (r"(visual/blocks/\d+)/temporal/attn/(.*)", r"\1/spatial/attn/\2"),
    (r"(visual/blocks/\d+)/temporal/norm/(.*)", r"\1/spatial/norm1/\2"),
)


def fill(config: ModelConfig, partial: Variables, *, seed: int) -> Variables:
    """The variables of a model: those that are given, and the others initialised as in a new model.

    models.md says how each parameter starts. seed: seed for newly initialised parameters.
    """
    wanted = model.abstract(config)
    partial = _copied(config, partial, wanted)
    params, stats = (_missing(*pair) for pair in zip(partial, wanted, strict=True))
    if params or stats:
        # In one program, of which XLA drops what is not kept: around CLIP's weights no second set
        # of them is made.
        @jax.jit
        def make() -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
            fresh = model.initialize(config, seed)
            return _pick(fresh.params, params), _pick(fresh.batch_stats, stats)

        new_leaves = make()
    else:
        new_leaves = {}, {}
    return Variables(
        *(from_paths(by_path(have) | new) for have, new in zip(partial, new_leaves, strict=True))
    )


def _copied(config: ModelConfig, partial: Variables, wanted: Variables) -> Variables:
    """The given variables, with the parameters that start as copies of them."""
    if config.temporal not in _COPYING:
        return partial
    have = by_path(partial.params)
    for path in _missing(partial.params, wanted.params):
        for pattern, source in _COPIES:
            match = re.fullmatch(pattern, path)
            if match and match.expand(source) in have:
                have[path] = have[match.expand(source)]
    return Variables(from_paths(have), partial.batch_stats)


def on_device(recognizer: Recognizer) -> Recognizer:
    """The same recognizer with weights of its own on the device.

    Converted weights are views of a file on the host, and would be copied there at each call.
    """
    return Recognizer(
        recognizer.config,
        jax.tree.map(jnp.array, recognizer.variables),
        recognizer.class_names,
        recognizer.origin,
        recognizer.views,
        recognizer.temperature,
    )


def _missing(given: Tree, wanted: Tree) -> list[str]:
    """The paths of what is wanted and not given, sorted."""
    return sorted(by_path(wanted).keys() - by_path(given).keys())


def _pick(tree: Tree, paths: list[str]) -> dict[str, jax.Array]:
    """The leaves of these paths."""
    leaves = by_path(tree)
    return {path: leaves[path] for path in paths}

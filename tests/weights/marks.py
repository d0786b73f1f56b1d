"""Fresh weights that are quick to make: each leaf full of a number of its own."""

import zlib

import jax
import jax.numpy as jnp

from ila_jax.models import model


def initialize(config, seed):
    """Stands in for `model.initialize` where values do not matter, or must be told apart."""

    def fill(path, leaf):
        return jnp.full(leaf.shape, zlib.crc32(str((seed, path)).encode()) % 997, leaf.dtype)

    return jax.tree_util.tree_map_with_path(fill, model.abstract(config))

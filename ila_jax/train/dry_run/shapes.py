"""The shapes of what a training step is given: nothing is made."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from ila_jax.config import Config
from ila_jax.job.sharding import over_data, replicated, shape_on, shardings
from ila_jax.train.recipe import Recipe
from ila_jax.train.start import abstract_state
from ila_jax.train.state import State


def clip_shape(config: Config) -> tuple[int, int, int, int]:
    """Shape of a clip, [t, h, w, 3]."""
    side = config.model.geometry().resolution
    return config.model.frames, side, side, 3


def text_shape(recipe: Recipe) -> Any:
    """The classes' features, whose dtype is that of the products; None with a linear head."""
    config = recipe.config.model
    if config.head != "text":
        return None
    shape = (recipe.classes, config.geometry().embed)
    return jax.ShapeDtypeStruct(shape, jnp.dtype(config.precision))


def step_shapes(recipe: Recipe, mesh: Mesh) -> tuple[State, dict[str, Any], Any]:
    """State, batch and class features as they lie on a mesh, for `compile_step`."""
    state, config = abstract_state(recipe), recipe.config
    clips = config.train.batch
    batch = {
        "video": jax.ShapeDtypeStruct((clips, *clip_shape(config)), jnp.uint8),
        "label": jax.ShapeDtypeStruct((clips,), jnp.int32),
    }
    return (
        jax.tree.map(shape_on, state, shardings(mesh, state)),
        jax.tree.map(lambda x: shape_on(x, over_data(mesh)), batch),
        jax.tree.map(lambda x: shape_on(x, replicated(mesh)), text_shape(recipe)),
    )

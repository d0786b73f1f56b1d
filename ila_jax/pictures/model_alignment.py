"""Takes every measure of alignment that a model has, in each of its blocks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ila_jax.config import ModelConfig
from ila_jax.models.forward import pixels
from ila_jax.models.inspection import Exchange, exchanges
from ila_jax.models.model import Variables
from ila_jax.pictures.alignment_measures import (
    Measured,
    Places,
    of_exchange,
    of_maps,
    of_masks,
    of_matching,
    of_points,
)
from ila_jax.pictures.block_maps import BlockMaps
from ila_jax.pictures.moving_objects import in_batches
from ila_jax.pictures.scenes import Scenes
from ila_jax.recognizer import Recognizer

# What each measure is of, and whether less is better.
MEASURES = {
    "masks": "share of mask weight on the object",
    "points": "distance of points to the object, in sides of the frame",
    "over time": "share of attention over time from the object to the object",
    "matching": "share of the object's patches that are matched to it",
    "class token": "share of the class token's attention on the object",
}
DISTANCES = ("points",)


def measure_alignment(
    recognizer: Recognizer, scenes: Scenes, maps: BlockMaps
) -> dict[tuple[str, int], Measured]:
    """The measures of a model, by their key in MEASURES and the number of the block, from 1.

    maps: of the scenes' clips. A measure that the model does not have is left out.
    """
    places = Places(scenes.boxes, scenes.others)
    config = recognizer.config
    blocks = _exchanges_of(recognizer, scenes.clips)
    measured = {}
    for i, block in enumerate(blocks):
        measured["class token", i + 1] = of_maps(maps.attention[:, i], places)
        if maps.aligned is not None:
            form, masks = config.points, maps.aligned.masks[:, i]
            measured["masks", i + 1] = of_masks(
                masks, places, reach=form.reach, width=form.mask_width
            )
            points = maps.aligned.points[:, i]
            measured["points", i + 1] = of_points(
                points, places, grid=masks.shape[-1], reach=form.reach
            )
        if block.taken is not None:
            measured["over time", i + 1] = of_exchange(np.asarray(block.taken), places)
        if block.partner is not None:
            measured["matching", i + 1] = of_matching(np.asarray(block.partner), places)
    return measured


def _exchanges_of(recognizer: Recognizer, clips: np.ndarray) -> list[Exchange]:
    """What the patches of each block take from other frames, of all clips, on the host."""
    batches = [
        jax.tree.map(np.asarray, _exchange(recognizer.config, recognizer.variables, batch))
        for batch in in_batches(clips)
    ]
    joined: list[Exchange] = jax.tree.map(
        lambda *parts: np.concatenate(parts)[: len(clips)], *batches
    )
    return joined


@functools.partial(jax.jit, static_argnums=0)
def _exchange(config: ModelConfig, variables: Variables, clips: Array) -> list[Exchange]:
    return exchanges(config, variables, pixels(config, jnp.asarray(clips)))

"""What a model says of clips when its masks do not follow them: whether masks are why it is right.

Weights and widths are replaced in a trained model, and nothing is trained again.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from ila_jax.config import ModelConfig
from ila_jax.models.forward import logits_of
from ila_jax.models.model import Variables
from ila_jax.pictures.block_maps import BlockMaps
from ila_jax.pictures.moving_objects import in_batches
from ila_jax.recognizer import Recognizer

# What stands in for a model's own masks.
REPLACEMENTS = {
    "still": "each block's points are at their mean over all clips and pairs",
    "everywhere": "masks are 1 all over the frame",
}
# So many times the released width, every mask is 1 wherever its point may be.
_EVERYWHERE = 100.0


def named_with_replaced_masks(
    recognizer: Recognizer, clips: UInt8[np.ndarray, "v t h w 3"], maps: BlockMaps
) -> dict[str, Int[np.ndarray, "v"]]:
    """The class that a model names of each clip, by the replacement of its masks.

    maps: of the clips. Empty for a model without masks.
    """
    if maps.aligned is None:
        return {}
    config, variables = recognizer.config, recognizer.variables
    # Points are [clip, block, pair, frame of the pair, (x, y)].
    still = with_still_points(config, variables, maps.aligned.points.mean(axis=(0, 2)))
    wide = dataclasses.replace(config.points, mask_width=_EVERYWHERE)
    return {
        "still": _named(config, still, clips),
        "everywhere": _named(dataclasses.replace(config, points=wide), variables, clips),
    }


def with_still_points(
    config: ModelConfig, variables: Variables, points: Float[np.ndarray, "blocks 2 2"]
) -> Variables:
    """Weights by which each block finds the same points (x, y) in every pair of frames."""
    # A point is reach · tanh of the last layer, whose kernel is made 0. A tanh of ±1 has no end.
    share = np.clip(points / config.points.reach, -1 + 1e-6, 1 - 1e-6)
    # New dicts around the same arrays.
    params = jax.tree.map(lambda array: array, variables.params)
    for block, of_block in enumerate(np.arctanh(share)):
        last = params["visual"]["blocks"][str(block)]["temporal"]["prediction"]["fc2"]
        last["kernel"] = jnp.zeros_like(last["kernel"])
        last["bias"] = jnp.asarray(of_block.reshape(-1), last["bias"].dtype)
    return variables._replace(params=params)


def _named(config: ModelConfig, variables: Variables, clips: np.ndarray) -> Int[np.ndarray, "v"]:
    named = [np.asarray(_best(config, variables, batch)) for batch in in_batches(clips)]
    return np.concatenate(named)[: len(clips)]


@functools.partial(jax.jit, static_argnums=0)
def _best(config: ModelConfig, variables: Variables, clips: Array) -> Int[Array, "b"]:
    return logits_of(config, variables, None, clips).argmax(axis=-1)

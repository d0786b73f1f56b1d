"""RandAugment (Cubuk et al., 2020) on the device, as timm and VideoMAE have it.

The operations are the fifteen of timm's `inc1`, which get stronger with the magnitude, on uint8 as
Pillow has them. Each belongs to one of three families, and a layer computes the three one after the
other: a table of 256 values, a blend with the gray or the smoothed picture, and an affine movement.
A clip passes two of them unchanged. So the program is the same for every clip, whatever is drawn,
and is compiled once for all layers; a choice among fifteen branches for each clip, as `lax.switch`
has it, would compute all fifteen where clips are a dimension.

No operation mirrors a picture, so that none changes a class that names a side.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ila_jax.config import AugmentConfig
from ila_jax.shapes import Pixels
from ila_jax.train.affine import moved
from ila_jax.train.pillow_blends import blended, pillow_gray
from ila_jax.train.pillow_tables import looked_up

# The operations, by the numbers that `Layers` has. What is drawn beyond them changes nothing.
OPERATIONS = (
    "auto_contrast", "equalize", "invert", "posterize", "solarize", "solarize_add", "contrast",
    "brightness", "color", "sharpness", "rotate", "shear_x", "shear_y", "translate_x",
    "translate_y",
)  # fmt: skip
# timm's scale of magnitudes, and how often it applies an operation that was drawn.
_STRONGEST, _APPLIED = 10.0, 0.5


class Layers(NamedTuple):
    """What is drawn for n layers of a batch of b clips, the clips first; the same for all frames.

    operation: a number in `OPERATIONS`, or their count for none. level: its strength, from 0 to 1.
    sign: 1 or -1, the direction where it has one.
    """

    operation: Int[Array, "b n"]
    level: Float[Array, "b n"]
    sign: Float[Array, "b n"]


def draw_layers(key: PRNGKeyArray, clips: int, config: AugmentConfig) -> Layers:
    """The choices for a batch of so many clips: each of them is applied with probability ½."""
    shape = clips, config.randaugment_layers
    which, applied, strength, sign = jax.random.split(key, 4)
    operation = jax.random.randint(which, shape, 0, len(OPERATIONS))
    on: Bool[Array, "b n"] = jax.random.bernoulli(applied, _APPLIED, shape)
    magnitude = config.randaugment_magnitude + config.randaugment_deviation * jax.random.normal(
        strength, shape, jnp.float32
    )
    return Layers(
        jnp.where(on, operation, len(OPERATIONS)),
        jnp.clip(magnitude / _STRONGEST, 0, 1),
        jnp.where(jax.random.bernoulli(sign, 0.5, shape), 1.0, -1.0).astype(jnp.float32),
    )


def rand_augmented(video: Pixels, layers: Layers) -> Pixels:
    """The clips after all layers, uint8 as before."""

    def after(video: Pixels, layer: Layers) -> tuple[Pixels, None]:
        return after_layer(video, layer), None

    by_layer = jax.tree.map(jnp.transpose, layers)
    with jax.named_scope("rand_augment"):
        # A scan compiles one layer, however many there are.
        return jax.lax.scan(after, video, by_layer)[0]


def after_layer(video: Pixels, layer: Layers) -> Pixels:
    """The clips after one layer, whose arrays are [b]."""
    # timm: brightness, contrast, colour and sharpness go to 1 ± 0.9 at the strongest.
    factor = 1 + 0.9 * layer.sign * layer.level
    chosen = {name: layer.operation == number for number, name in enumerate(OPERATIONS)}
    video = looked_up(video, pillow_gray(video), chosen, layer.level, factor)
    video = blended(video, chosen, factor)
    return moved(video, chosen, layer.sign * layer.level)

"""The temporal models by name: a row for each, from which all others take what they need."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from jaxtyping import Array

from ila_jax.config import ModelConfig
from ila_jax.models.layers import Dtypes
from ila_jax.models.temporal.alignment import one_a_frame, per_frame
from ila_jax.models.temporal.ata import ATABlock
from ila_jax.models.temporal.block import SpaceTimeBlock
from ila_jax.models.temporal.cross_frame import CrossFrameBlock
from ila_jax.models.temporal.divided import DividedBlock
from ila_jax.models.temporal.ila import ILABlock
from ila_jax.models.temporal.ila_token import ILATokenBlock
from ila_jax.models.temporal.interaction import AlignmentForm
from ila_jax.models.temporal.joint import JointBlock
from ila_jax.models.temporal.spatial import SpatialBlock
from ila_jax.models.vit import BlockMaker


@dataclass(frozen=True)
class Variant:
    """What the rest of the package has to know of a temporal model.

    block: makes one, from the width. frame_weights: from the masks of pairs [b, s, g, g], of the
    previous and of the current frame, to the weights of frames [b, t, g, g]; None for a model
    without points and masks. embeds_time: a vector per frame is added to its patches before the
    first block. integrates: has X-CLIP's multi-frame integration and prompts; plain CLIP has
    neither.
    """

    block: type[SpaceTimeBlock]
    frame_weights: Callable[[Array, Array], Array] | None = None
    embeds_time: bool = False
    integrates: bool = True

    @property
    def aligns(self) -> bool:
        """Whether it has points and masks, by convolutions of a form and a number of channels."""
        return self.frame_weights is not None


TEMPORAL = {
    "clip": Variant(SpatialBlock, integrates=False),
    "spatial": Variant(SpatialBlock),
    # Attention over frames is blind to their order without an embedding of time (models.md 3 to 5).
    "joint": Variant(JointBlock, embeds_time=True),
    "divided": Variant(DividedBlock, embeds_time=True),
    "ata": Variant(ATABlock, embeds_time=True),
    # As released, without one: X-CLIP leaves the order to multi-frame integration, ILA's pairs of
    # frames have one.
    "xclip": Variant(CrossFrameBlock),
    "ila": Variant(ILABlock, frame_weights=per_frame),
    "ila_token": Variant(ILATokenBlock, frame_weights=one_a_frame),
}
# The models that have points and masks.
ALIGNING = tuple(name for name, row in TEMPORAL.items() if row.aligns)


def variant(config: ModelConfig) -> Variant:
    """The row of a config's temporal model. Errors: ValueError for an unknown name."""
    if config.temporal not in TEMPORAL:
        raise ValueError(
            f"model.temporal is {config.temporal!r}: expected one of {', '.join(TEMPORAL)}"
        )
    return TEMPORAL[config.temporal]


def block_maker(config: ModelConfig, dtypes: Dtypes) -> BlockMaker:
    """Makes the blocks of a config's temporal model. Errors: ValueError for an unknown name."""
    temporal, width = variant(config), config.geometry().width
    make: Any = temporal.block  # its arguments depend on the model
    if temporal.aligns:
        form = AlignmentForm(config.convolutions, config.channels, config.points)
        make = partial(make, form=form)
    return lambda keys: make(width, dtypes=dtypes, keys=keys)

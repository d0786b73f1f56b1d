"""Spatial attention only: CLIP's block on each frame, the baseline (models.md 2)."""

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.models.temporal.block import SpaceTimeBlock


class SpatialBlock(SpaceTimeBlock):
    """CLIP's block with nothing new in it, and no auxiliary loss."""

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.spatial = ResidualBlock(width, dtypes=dtypes, keys=keys)

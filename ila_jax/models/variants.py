"""The temporal models by name."""

from collections.abc import Callable

from ila_jax.config import ModelConfig
from ila_jax.models.layers import Dtypes, Keys
from ila_jax.models.temporal.cross_frame import CrossFrameBlock
from ila_jax.models.temporal.ila import ILABlock
from ila_jax.models.temporal.spatial import SpatialBlock
from ila_jax.models.vit import BlockMaker
from ila_jax.shapes import TemporalBlock


def _spatial(config: ModelConfig, width: int, dtypes: Dtypes, keys: Keys) -> TemporalBlock:
    return SpatialBlock(width, dtypes=dtypes, keys=keys)


def _xclip(config: ModelConfig, width: int, dtypes: Dtypes, keys: Keys) -> TemporalBlock:
    return CrossFrameBlock(width, dtypes=dtypes, keys=keys)


def _ila(config: ModelConfig, width: int, dtypes: Dtypes, keys: Keys) -> TemporalBlock:
    return ILABlock(
        width,
        convolutions=config.convolutions,
        channels=config.channels,
        dtypes=dtypes,
        keys=keys,
    )


TEMPORAL: dict[str, Callable[[ModelConfig, int, Dtypes, Keys], TemporalBlock]] = {
    "spatial": _spatial,
    "xclip": _xclip,
    "ila": _ila,
}


def block_maker(config: ModelConfig, dtypes: Dtypes) -> BlockMaker:
    """Makes the blocks of a config's temporal model. Errors: ValueError for an unknown name."""
    if config.temporal not in TEMPORAL:
        raise ValueError(
            f"model.temporal is {config.temporal!r}: expected one of {', '.join(TEMPORAL)}"
        )
    make, width = TEMPORAL[config.temporal], config.geometry().width
    return lambda keys: make(config, width, dtypes, keys)

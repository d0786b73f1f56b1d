"""Whether weights are of the model that a configuration describes."""

import dataclasses

from ila_jax.config import ModelConfig, differences
from ila_jax.models.variants import variant


def check_fit(source: str, there: ModelConfig, here: ModelConfig) -> None:
    """Errors: ValueError naming the properties of the weights that differ from the config's."""
    if not variant(there).integrates:  # plain CLIP takes any number of frames
        there = dataclasses.replace(there, frames=here.frames)
    changed = differences(_shapes_of(there), _shapes_of(here))
    if changed:
        raise ValueError(
            f"the weights in {source} are of another model; key: there, here\n  "
            + "\n  ".join(changed)
            + "\nChange the configuration to what is there, or convert the weights to it."
        )


def _shapes_of(config: ModelConfig) -> ModelConfig:
    """The config reduced to what decides the shapes of its weights, and the pixels they know."""
    aligns, integrates = variant(config).aligns, variant(config).integrates
    return dataclasses.replace(
        config,
        size="",
        shape=config.geometry(),
        patch=None,
        resolution=None,
        convolutions=config.convolutions if aligns else "k400",
        channels=config.channels if aligns else 0,
        dropout=0.0,
        mit_positions=config.mit_positions or not integrates,
        precision="float32",
        remat="none",
        templates=("{}",),
    )

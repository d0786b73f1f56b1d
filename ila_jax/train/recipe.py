"""The recipe of a run: all that a training step needs beyond its state and its batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import optax
from numpy.typing import NDArray

from ila_jax.config import Config, in_steps
from ila_jax.models import model
from ila_jax.train.losses import inverse_frequencies
from ila_jax.train.optimizers import make_optimizer
from ila_jax.train.parameter_groups import (
    GROUPS,
    decay_by_layer,
    find_lr_factors,
    freeze_blocks,
)
from ila_jax.train.schedules import make_lr_schedule


@dataclass(frozen=True)
class Recipe:
    """What a step needs beyond state and batch, all known when it is compiled.

    mirror: int [k], the class of each class's mirror image, -1 where a clip may not be flipped, as
    `data.sources.mirror.mirrors` gives it. lr_factors: of every parameter's learning rate, by path.
    lr_schedule: the learning rate of a step, before these factors. class_weights: float32 [k] of
    the classes in the loss, None where they are all 1.
    """

    config: Config
    classes: int
    mirror: NDArray[np.integer[Any]]
    lr_factors: dict[str, float]
    optimizer: optax.GradientTransformation
    lr_schedule: optax.Schedule
    steps_per_epoch: int
    class_weights: NDArray[np.floating[Any]] | None = None

    @property
    def frozen_blocks(self) -> int:
        """How many blocks of the image tower, from the first on, are frozen as a whole."""
        blocks = self.config.optimizer.trained_blocks
        return 0 if blocks is None else self.config.model.geometry().depth - blocks


def make_recipe(
    config: Config,
    *,
    mirror: NDArray[np.integer[Any]],
    steps_per_epoch: int,
    labels: NDArray[np.integer[Any]] | None = None,
) -> Recipe:
    """The recipe of a configuration, whose lengths are in steps from here on.

    labels: int [n] of the training videos; without them classes weigh the same.
    Errors: ValueError for an optimizer or a table of groups that does not exist, for a parameter
    without a group, and for a warm-up that is too long.
    """
    config = in_steps(config, steps_per_epoch)
    if config.optimizer.groups not in GROUPS:
        raise ValueError(
            f"optimizer.groups is {config.optimizer.groups!r}: expected one of {', '.join(GROUPS)}"
        )
    return Recipe(
        config=config,
        classes=len(mirror),
        mirror=mirror,
        lr_factors=lr_factors_of(config),
        optimizer=make_optimizer(config.optimizer),
        lr_schedule=make_lr_schedule(
            config.optimizer, steps=config.train.steps, steps_per_epoch=steps_per_epoch
        ),
        steps_per_epoch=steps_per_epoch,
        class_weights=_weights(config, labels, len(mirror)),
    )


def _weights(
    config: Config, labels: NDArray[np.integer[Any]] | None, classes: int
) -> NDArray[np.floating[Any]] | None:
    """What each class weighs in the loss, where that is not the same for all."""
    if config.train.class_balance != "weights" or labels is None:
        return None
    return inverse_frequencies(labels, classes)


def lr_factors_of(config: Config) -> dict[str, float]:
    """The factor of every parameter's learning rate, by path: its group's, decayed by layer.

    Where `optimizer.trained_blocks` freezes a parameter it is 0. Errors: ValueError as of
    `make_recipe`, for a parameter without a group.
    """
    optimizer, depth = config.optimizer, config.model.geometry().depth
    params = model.abstract(config.model).params
    factors = find_lr_factors(params, GROUPS[optimizer.groups])
    factors = freeze_blocks(factors, depth=depth, trained_blocks=optimizer.trained_blocks)
    return decay_by_layer(factors, depth=depth, decay=optimizer.layer_decay)

"""The recipe of a run: all that a training step needs beyond its state and its batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import optax
from numpy.typing import NDArray

from ila_jax.config import Config
from ila_jax.models import model
from ila_jax.train.optimizers import make_optimizer
from ila_jax.train.parameter_groups import GROUPS, find_lr_factors
from ila_jax.train.schedules import make_lr_schedule


@dataclass(frozen=True)
class Recipe:
    """What a step needs beyond state and batch, all known when it is compiled.

    mirror: int [k], the class of each class's mirror image, -1 where a clip may not be flipped, as
    `data.sources.mirror.mirrors` gives it. lr_factors: of every parameter's learning rate, by path.
    lr_schedule: the learning rate of a step, before these factors.
    """

    config: Config
    classes: int
    mirror: NDArray[np.integer[Any]]
    lr_factors: dict[str, float]
    optimizer: optax.GradientTransformation
    lr_schedule: optax.Schedule
    steps_per_epoch: int


def make_recipe(
    config: Config, *, mirror: NDArray[np.integer[Any]], steps_per_epoch: int
) -> Recipe:
    """The recipe of a configuration.

    Errors: ValueError for an optimizer or a table of groups that does not exist, for a parameter
    without a group, and for a warm-up that is too long.
    """
    if config.optimizer.groups not in GROUPS:
        raise ValueError(
            f"optimizer.groups is {config.optimizer.groups!r}: expected one of {', '.join(GROUPS)}"
        )
    params = model.abstract(config.model).params
    return Recipe(
        config=config,
        classes=len(mirror),
        mirror=mirror,
        lr_factors=find_lr_factors(params, GROUPS[config.optimizer.groups]),
        optimizer=make_optimizer(config.optimizer),
        lr_schedule=make_lr_schedule(
            config.optimizer, steps=config.train.steps, steps_per_epoch=steps_per_epoch
        ),
        steps_per_epoch=steps_per_epoch,
    )

"""Lengths of a run in epochs, which become steps once it is known how many steps an epoch has."""

import dataclasses
from typing import Any

from ila_jax.config.sections import Config

# Each length in epochs, and the one in steps whose place it takes: that one then is 0.
IN_EPOCHS = {
    "epochs": "steps",
    "log_every_epochs": "log_every",
    "checkpoint_every_epochs": "checkpoint_every",
    "evaluate_every_epochs": "evaluate_every",
}


def in_steps(config: Config, steps_per_epoch: int) -> Config:
    """The same run with all its lengths in steps, rounded to whole ones, and no less than one."""
    train = config.train
    changes: dict[str, Any] = {}
    for epochs, steps in IN_EPOCHS.items():
        if (length := getattr(train, epochs)) is not None:
            changes |= {epochs: None, steps: max(1, round(length * steps_per_epoch))}
    if train.ema_epochs is not None:
        changes |= {"ema_epochs": None, "ema": _share(train.ema_epochs * steps_per_epoch)}
    return dataclasses.replace(config, train=dataclasses.replace(train, **changes))


def _share(steps: float) -> float:
    """The share of the past in an average that reaches so many steps back.

    What is n steps old weighs share^n in it, whose mean age is 1 / (1 - share) steps.
    """
    # Of less than two steps there is nothing to average.
    return 1 - 1 / max(steps, 2.0)

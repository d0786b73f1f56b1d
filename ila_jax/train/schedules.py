"""What changes with the step: the learning rate and the alignment noise (training.md).

Both are functions of the step and of `train.steps` alone, so that a run which goes on needs no
state of theirs.
"""

import math

import jax.numpy as jnp
import optax

from ila_jax.config import OptimizerConfig
from ila_jax.shapes import Scalar


def make_lr_schedule(
    config: OptimizerConfig, *, steps: int, steps_per_epoch: int
) -> optax.Schedule:
    """The learning rate by step: a line up from 0, then a cosine down to the minimal rate.

    The minimal rate comes at the last step, steps − 1. Errors: ValueError when the warm-up leaves
    no step for the cosine.
    """
    warmup = round(config.warmup_epochs * steps_per_epoch)
    if warmup >= max(steps - 1, 1):
        # Rounded down: what the message proposes has to be accepted.
        most = math.floor(100 * max(steps - 2, 0) / steps_per_epoch) / 100
        raise ValueError(
            f"the warm-up is too long: optimizer.warmup_epochs is {config.warmup_epochs:g}, of "
            f"{steps_per_epoch} steps each (the training videos through train.batch), which are "
            f"{warmup} steps; train.steps is {steps}, and after the warm-up the learning rate has "
            f"to fall. Raise train.steps to {warmup + 2} or more, or lower optimizer.warmup_epochs "
            f"to {most:g} or less"
        )
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.rate,
        warmup_steps=warmup,
        # optax counts the warm-up in. Steps start at 0, so the last one is steps - 1.
        decay_steps=max(steps - 1, 1),
        end_value=config.minimal_rate,
    )


def alignment_noise(start: float, step: Scalar, *, steps: int) -> Scalar:
    """Radius ρ of the alignment noise: start·0.5^max(0, e − 29), e = ⌊50·step/steps⌋.

    The released code halves it each epoch from 30 of 50 on and forgets it on resume; this is the
    same as a function of progress (training.md). start: 0.2 in the paper's recipes.
    """
    # 50 is the number of epochs in the paper's recipe. int32 holds 50·step up to step 42,949,672.
    epoch = 50 * step // steps
    halvings = jnp.maximum(0, epoch - 29).astype(jnp.float32)
    noise: Scalar = jnp.float32(start) * 0.5**halvings
    return noise

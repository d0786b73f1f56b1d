"""AdamW with parameter groups as tables of path patterns, and the schedules (training.md)."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.config import OptimizerConfig
from ila_jax.shapes import Scalar, Tree

FROZEN = 0.0


@dataclass(frozen=True)
class Group:
    """pattern: of whole paths. factor: of the base rate; 0 freezes."""

    pattern: str
    factor: float


# The first match wins; a path that no rule matches is an error. `temporal` holds all that a
# temporal model adds to CLIP's image tower.
GROUPS: dict[str, tuple[Group, ...]] = {
    # K400: CLIP's image tower at the base rate, everything new at ten times it.
    "k400": (
        Group(r"text/.*|head/logit_scale", FROZEN),
        Group(r"visual/.*temporal(/.*|_embedding)", 10.0),
        Group(r"visual/.*", 1.0),
        Group(r"(mit|head)/.*", 10.0),
    ),
    # SSv2: CLIP's image tower frozen, the rest at the base rate.
    "ssv2": (
        Group(r"text/.*|head/logit_scale", FROZEN),
        Group(r"visual/.*temporal(/.*|_embedding)", 1.0),
        Group(r"visual/.*", FROZEN),
        Group(r"(mit|head)/.*", 1.0),
    ),
    # From noise: everything at the base rate.
    "scratch": (
        Group(r"text/.*|head/logit_scale", FROZEN),
        Group(r"(visual|mit|head)/.*", 1.0),
    ),
}

# Position embeddings of either tower, of MIT and of the temporal models.
_NO_DECAY = r".*(positions|temporal_embedding)"


def factors(params: Tree, groups: Sequence[Group]) -> dict[str, float]:
    """The rate factor of every parameter by path. Errors: ValueError naming paths without rule."""
    found = {path: _first_match(path, groups) for path in flatten_dict(params, sep="/")}
    missing = [path for path, factor in found.items() if factor is None]
    if missing:
        raise ValueError(f"no optimizer group matches {', '.join(missing)}: add a rule to GROUPS")
    return {path: factor for path, factor in found.items() if factor is not None}


def _first_match(path: str, groups: Sequence[Group]) -> float | None:
    return next((g.factor for g in groups if re.fullmatch(g.pattern, path)), None)


def partition(params: Tree, rates: dict[str, float]) -> tuple[Tree, Tree]:
    """The trainable and the frozen parameters, by their rate factors."""
    flat = flatten_dict(params, sep="/")
    trainable = {path: value for path, value in flat.items() if rates[path] != FROZEN}
    frozen = {path: value for path, value in flat.items() if rates[path] == FROZEN}
    return unflatten_dict(trainable, sep="/"), unflatten_dict(frozen, sep="/")


def join(trainable: Tree, frozen: Tree) -> Tree:
    """The whole tree of what `partition` took apart."""
    both = {**flatten_dict(trainable, sep="/"), **flatten_dict(frozen, sep="/")}
    return unflatten_dict(both, sep="/")


def decays(params: Tree) -> Tree:
    """Whether each parameter decays: all but vectors (biases, norms, α) and positions."""
    flat = flatten_dict(params, sep="/")
    mask = {
        path: value.ndim > 1 and not re.fullmatch(_NO_DECAY, path) for path, value in flat.items()
    }
    return unflatten_dict(mask, sep="/")


def adamw(config: OptimizerConfig) -> optax.GradientTransformation:
    """The direction of a step; `descend` scales it by the rate, which is a function of the step."""
    clip = [optax.clip_by_global_norm(config.clip_norm)] if config.clip_norm else []
    return optax.chain(
        *clip,
        optax.scale_by_adam(b1=config.betas[0], b2=config.betas[1], eps=config.eps),
        optax.add_decayed_weights(config.weight_decay, mask=decays),
    )


def descend(params: Tree, direction: Tree, rate: Scalar, rates: dict[str, float]) -> Tree:
    """params − rate·factor·direction, with each parameter's factor."""
    flat, step = flatten_dict(params, sep="/"), flatten_dict(direction, sep="/")
    moved = {
        path: value - (rate * rates[path]).astype(value.dtype) * step[path]
        for path, value in flat.items()
    }
    return unflatten_dict(moved, sep="/")


def schedule(config: OptimizerConfig, *, steps: int, steps_per_epoch: int) -> optax.Schedule:
    """Linear warm-up from 0, then cosine to the minimal rate at the last step (steps − 1).

    Errors: ValueError when the warm-up leaves no step for the cosine.
    """
    warmup = round(config.warmup_epochs * steps_per_epoch)
    if warmup >= max(steps - 1, 1):
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
        decay_steps=max(steps - 1, 1),
        end_value=config.minimal_rate,
    )


def alignment_noise(start: float, step: Scalar, *, steps: int) -> Scalar:
    """Radius ρ of the alignment noise: start·0.5^max(0, e − 29), e = ⌊50·step/steps⌋.

    The released code halves it each epoch from 30 of 50 on and forgets it on resume; this is the
    same as a function of progress (training.md).
    """
    epoch = 50 * step // steps
    return jnp.float32(start) * 0.5 ** jnp.maximum(0, epoch - 29).astype(jnp.float32)

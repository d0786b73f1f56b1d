"""Where each parameter gets its learning rate: tables of parameter groups by path (training.md).

A parameter's path in the model is looked up in the table that `optimizer.groups` names. A path that
no pattern of the table matches, that of a new part beside `visual`, `mit`, `head` and `text`, is an
error: add a row.

A new module inside CLIP's image tower is never such an error, as `visual/.*` matches every path
there. It gets the learning rate of new parameters only where its name ends in `temporal` (a bare
parameter's: in `temporal_embedding`), by the rule of models/parts.py. Under any other name it is
trained as CLIP's own weights are: at the base rate in `k400`, and not at all in `ssv2`, without a
word. To check, run `python -m ila_jax.train --dry-run` with the configuration: its last table
counts the parameters of each part, with their learning rate, and a new module that is missing in
the row `temporal` has the wrong name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ila_jax.models.parts import TEMPORAL_PATH
from ila_jax.models.paths import by_path, from_paths
from ila_jax.shapes import Tree

# A frozen parameter has no gradient, no optimizer state and no average.
FROZEN = 0.0


@dataclass(frozen=True)
class Group:
    """The parameters whose whole path, such as `visual/blocks/0/temporal/fc/kernel`, matches.

    pattern: a regular expression. lr_factor: the learning rate of these parameters is this times
    the schedule's; FROZEN (0) leaves them as they are.
    """

    pattern: str
    lr_factor: float


# The first pattern that matches wins, so the order of rows matters: TEMPORAL_PATH is of all that a
# temporal model adds inside CLIP's image tower, and has to come before the tower itself.
GROUPS: dict[str, tuple[Group, ...]] = {
    # Kinetics-400: CLIP's image tower at the base rate, everything new at ten times it.
    "k400": (
        Group(r"text/.*|head/logit_scale", FROZEN),
        Group(TEMPORAL_PATH, 10.0),
        Group(r"visual/.*", 1.0),
        Group(r"(mit|head)/.*", 10.0),
    ),
    # Something-Something v2: CLIP's image tower frozen, the rest at the base rate.
    "ssv2": (
        Group(r"text/.*|head/logit_scale", FROZEN),
        Group(TEMPORAL_PATH, 1.0),
        Group(r"visual/.*", FROZEN),
        Group(r"(mit|head)/.*", 1.0),
    ),
    # From noise nothing is known better than the rest: everything is at the base rate.
    "scratch": (
        Group(r"text/.*|head/logit_scale", FROZEN),
        Group(r"(visual|mit|head)/.*", 1.0),
    ),
}


def find_lr_factors(params: Tree, groups: Sequence[Group]) -> dict[str, float]:
    """The factor of the learning rate of every parameter, by its path.

    Errors: ValueError that names all paths which no group matches.
    """
    factors = {path: _first_match(path, groups) for path in by_path(params)}
    missing = [path for path, factor in factors.items() if factor is None]
    if missing:
        raise ValueError(f"no optimizer group matches {', '.join(missing)}: add a rule to GROUPS")
    return {path: factor for path, factor in factors.items() if factor is not None}


def _first_match(path: str, groups: Sequence[Group]) -> float | None:
    return next((group.lr_factor for group in groups if re.fullmatch(group.pattern, path)), None)


def partition(params: Tree, lr_factors: dict[str, float]) -> tuple[Tree, Tree]:
    """The trainable and the frozen parameters, each as a tree of its own.

    lr_factors: of every path, as `find_lr_factors` returns them.
    """
    flat = by_path(params)
    trainable = {path: value for path, value in flat.items() if lr_factors[path] != FROZEN}
    frozen = {path: value for path, value in flat.items() if lr_factors[path] == FROZEN}
    return from_paths(trainable), from_paths(frozen)


def join(trainable: Tree, frozen: Tree) -> Tree:
    """The whole tree of what `partition` took apart."""
    return from_paths({**by_path(trainable), **by_path(frozen)})

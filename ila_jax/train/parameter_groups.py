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
    # A linear head that starts fresh, the tower as above: at ten times the tower's rate it has
    # hardly learnt when a run of a few hundred steps is over (finetune.md).
    "fresh_head": (
        Group(r"text/.*|head/logit_scale", FROZEN),
        Group(TEMPORAL_PATH, 10.0),
        Group(r"visual/.*", 1.0),
        Group(r"(mit|head)/.*", 160.0),
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


def freeze_blocks(
    lr_factors: dict[str, float], *, depth: int, trained_blocks: int | None
) -> dict[str, float]:
    """The factors with all of the image tower frozen that lies before its last blocks.

    trained_blocks: how many blocks train; with 0 the norm and the projection behind them are frozen
    too. None changes nothing. depth: all blocks of the tower.
    """
    if trained_blocks is None:
        return lr_factors
    # Layer 0 is what makes tokens, 1 the first block; depth + 1 is what comes after the last.
    first = depth + 1 - trained_blocks if trained_blocks else depth + 2
    return {
        path: FROZEN if path.startswith("visual/") and layer_of(path, depth) < first else factor
        for path, factor in lr_factors.items()
    }


def decay_by_layer(lr_factors: dict[str, float], *, depth: int, decay: float) -> dict[str, float]:
    """The factors times decay^(depth + 1 − layer): the nearer to the pixels, the slower.

    This is the layer-wise decay of BEiT and MAE, whose layer ids `layer_of` gives.
    """
    return {
        path: factor * decay ** (depth + 1 - layer_of(path, depth))
        for path, factor in lr_factors.items()
    }


def layer_of(path: str, depth: int) -> int:
    """0 for what makes the image tower's tokens, i + 1 for its block i, depth + 1 for the rest.

    The rest is the norm and the projection behind the blocks, and all other parts of the model.
    """
    block = re.match(r"visual/blocks/(\d+)/", path)
    if block:
        return int(block[1]) + 1
    before = re.match(r"visual/(embed/|norm_pre/|temporal_embedding$)", path)
    return 0 if before else depth + 1


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

"""The dry run as people read it: memory, length, rates, and what trains."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from ila_jax.cost.program_memory import ProgramMemory
from ila_jax.models import model
from ila_jax.models.parts import part_of
from ila_jax.models.paths import by_path
from ila_jax.tables import Table
from ila_jax.train.dry_run.plan import Plan
from ila_jax.train.parameter_groups import FROZEN
from ila_jax.train.recipe import Recipe
from ila_jax.train.schedules import alignment_noise

# Of a plot, in characters.
_WIDE, _HIGH = 60, 5
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def memory(plan: Plan, compiled: ProgramMemory | None, where: str) -> Table:
    """What each device holds; XLA's own account beside the estimate where the step was compiled.

    where: the devices in words.
    """
    config, need = plan.config, plan.memory
    rows = [(name, getattr(need, field)) for name, field in _ROWS.items()]
    cells = [[name, size(bytes_)] for name, bytes_ in rows]
    header = ["", "estimate"]
    if compiled is not None:
        header.append("XLA")
        xla = {"state and batch": compiled.arguments, "working memory": compiled.working}
        xla["together"] = compiled.total
        cells = [[*line, size(xla[line[0]]) if line[0] in xla else "–"] for line in cells]
    parts = config.train.accumulation
    notes = [
        f"train.batch {config.train.batch}, train.accumulation {parts}: {plan.clips} clips a "
        f"device at a time; model.remat {config.model.remat}, mesh.fsdp {config.mesh.fsdp}, "
        f"model.precision {config.model.precision}",
        "working memory: the most of the seven rows above it that is there at a time. Gradients "
        "take the place of what was kept for them, and new weights come after both",
    ]
    return Table(f"Memory of each of {where}", header, cells, notes)


# The title of a row, and the field of Memory in it. Of what only a step needs not all is there at a
# time: the most that is comes after it.
_ROWS = {
    "parameters": "parameters",
    "optimizer state": "optimizer",
    "average of the weights": "average",
    "running statistics": "statistics",
    "batch": "batch",
    "state and batch": "arguments",
    "activations kept": "kept",
    "one block again": "again",
    "gradients": "gradients",
    "their sum over parts": "summed",
    "gathered from devices": "gathered",
    "weights after the step": "updated",
    "augmentation": "augmentation",
    "working memory": "working",
    "margin": "margin",
    "together": "total",
}


def verdict(total: float, limit: float | None, fitting: Plan | None) -> str:
    """Whether the run fits, and what would make it fit, in words.

    total: bytes that it takes of each device. limit: bytes that there are, None where that is not
    known. fitting: a plan that fits, None where it fits as it is, or nothing does.
    """
    if limit is None:
        return f"Whether {size(total)} fit cannot be said: the device tells no memory."
    if total <= limit:
        return f"It fits: {size(total)} of {size(limit)}."
    refusal = f"It does not fit: {size(total)}, and there are {size(limit)}."
    if fitting is None:
        return (
            f"{refusal}\nNothing that was tried fits: parts of the batch down to two clips a "
            "device, blocks computed again, weights split over all devices. Take more or larger "
            "devices (train.batch has to be a multiple of twice their number), fewer frames or a "
            "smaller size."
        )
    return "\n  ".join(
        [
            f"{refusal} This would, with the same batch of {fitting.config.train.batch}:",
            " ".join(fitting.overrides),
            f"{size(fitting.memory.total)}; {fitting.clips} clips a device at a time",
        ]
    )


def length(
    recipe: Recipe, videos: int | None, clips_per_second: float | None, notes: Sequence[str]
) -> Table:
    """Steps, epochs and warm-up, and the time that it takes where the speed is given."""
    train, warmup = recipe.config.train, recipe.config.optimizer.warmup_epochs
    cells = [["steps", f"{train.steps:,}"], ["clips a step", f"{train.batch:,}"]]
    in_steps = ""
    if videos is not None:
        # Rounded down: what fills no batch is left out of an epoch.
        per_epoch = videos // train.batch
        cells += [
            ["videos", f"{videos:,}"],
            ["steps an epoch", f"{per_epoch:,}"],
            ["epochs", f"{train.steps / per_epoch:.1f}"],
        ]
        in_steps = f" = {round(warmup * per_epoch):,} steps"
    cells.append(["warm-up", f"{warmup:g} epochs{in_steps}"])
    if clips_per_second is not None:
        hours = train.steps * train.batch / clips_per_second / 3600
        speed = f"{clips_per_second:g} clips a second"
        cells.append(["training", f"{hours:,.1f} hours at {speed}, no validation"])
    return Table("Length", ["", "this run"], cells, notes)


def schedule(recipe: Recipe) -> str:
    """The learning rate, and the alignment's noise, over the steps: a drawing of characters."""
    train, optimizer = recipe.config.train, recipe.config.optimizer
    # Both are functions of the step: what is drawn is what training will compute.
    steps = np.linspace(0, train.steps - 1, _WIDE).astype(int)
    learning_rates = np.asarray(recipe.lr_schedule(jnp.asarray(steps)), float)
    noise = alignment_noise(train.alignment_noise, jnp.asarray(steps), steps=train.steps)
    return "\n".join(
        [
            f"Rate: from 0 to {optimizer.rate:.1e}, then down to {optimizer.minimal_rate:.1e}",
            *columns(learning_rates, _HIGH),
            f"Alignment's noise: from {train.alignment_noise:g} "
            f"down to {float(noise[-1]):.1e}, as progress goes",
            *columns(np.asarray(noise, float), 2),
        ]
    )


def columns(values: Sequence[float] | np.ndarray, high: int) -> list[str]:
    """Values from 0 as a plot of `high` lines of characters; the largest value fills all lines."""
    # A character is cut into eighths: that many heights it can show.
    top = max(values) or 1
    eighths = [round(value / top * 8 * high) for value in values]
    return [
        "|" + "".join(_EIGHTHS[min(max(e - 8 * row, 0), 8)] for e in eighths)
        for row in reversed(range(high))
    ]


def parts(recipe: Recipe) -> Table:
    """What trains, by part of the model and by its factor of the learning rate."""
    # By part and by factor: a part of which some is frozen has two rows.
    counts: dict[tuple[str, float], int] = {}
    for path, value in by_path(model.abstract(recipe.config.model).params).items():
        key = part_of(path), recipe.lr_factors[path]
        counts[key] = counts.get(key, 0) + math.prod(value.shape)
    optimizer = recipe.config.optimizer
    cells = [
        [part, f"{count:,}", "frozen", "–", "–"]
        if factor == FROZEN
        else [part, f"{count:,}", f"{factor:g} ×", f"{factor * optimizer.rate:.1e}",
              f"{factor * optimizer.minimal_rate:.1e}"]
        for (part, factor), count in counts.items()
    ]  # fmt: skip
    trained = sum(count for (_, factor), count in counts.items() if factor != FROZEN)
    return Table(
        f"Parameters and rates (optimizer.groups {optimizer.groups})",
        ["part", "parameters", "factor", "rate", "last rate"],
        cells,
        notes=[f"{trained:,} of {sum(counts.values()):,} train"],
    )


def size(bytes_: float) -> str:
    """Bytes for people, in GiB, or in MiB below an eighth of one."""
    return f"{bytes_ / 2**30:.2f} GiB" if bytes_ >= 2**27 else f"{bytes_ / 2**20:.1f} MiB"

"""The dry run as people read it: memory, length, rates, and what trains."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from ila_jax.models import model
from ila_jax.tables import Table
from ila_jax.train.dry_run.memory import Compiled
from ila_jax.train.dry_run.plan import Plan
from ila_jax.train.norms import part_of
from ila_jax.train.optim import FROZEN, alignment_noise
from ila_jax.train.step import Recipe

_WIDE, _HIGH = 60, 5  # of a plot, in characters
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def memory(plan: Plan, compiled: Compiled | None, where: str) -> Table:
    """Each device's bytes; XLA's own account beside the estimate where the step was compiled."""
    config, need = plan.config, plan.memory
    rows = [(name, getattr(need, field)) for name, field in _ROWS.items()]
    cells = [[name, size(bytes_)] for name, bytes_ in rows]
    header = ["", "estimate"]
    if compiled is not None:
        header.append("XLA")
        of_xla = {"state and batch": compiled.arguments, "working memory": compiled.working}
        of_xla["together"] = sum(compiled)
        cells = [[*line, size(of_xla[line[0]]) if line[0] in of_xla else "–"] for line in cells]
    parts = config.train.accumulation
    notes = [
        f"train.batch {config.train.batch}, train.accumulation {parts}: {plan.clips} clips a "
        f"device at a time; model.remat {config.model.remat}, mesh.fsdp {config.mesh.fsdp}, "
        f"model.precision {config.model.precision}"
    ]
    return Table(f"Memory of each of {where}", header, cells, notes)


_ROWS = {
    "parameters": "parameters",
    "optimizer state": "optimizer",
    "average of the weights": "average",
    "running statistics": "statistics",
    "batch": "batch",
    "state and batch": "arguments",
    "gradients": "gradients",
    "activations kept": "kept",
    "one block again": "again",
    "augmentation": "augmentation",
    "working memory": "working",
    "margin": "margin",
    "together": "total",
}


def verdict(total: float, limit: float | None, fitting: Plan | None) -> str:
    """Whether it fits, and what would. fitting: asked for only where it does not."""
    if limit is None:
        return f"Whether {size(total)} fit cannot be said: the device tells no memory."
    if total <= limit:
        return f"It fits: {size(total)} of {size(limit)}."
    said = f"It does not fit: {size(total)}, and there are {size(limit)}."
    if fitting is None:
        return (
            f"{said}\nNothing that was tried fits: parts of the batch down to two clips a device, "
            "blocks computed again, weights split over all devices. Take more or larger devices "
            "(train.batch has to be a multiple of twice their number), fewer frames or a smaller "
            "size."
        )
    return "\n  ".join(
        [
            f"{said} This would, with the same batch of {fitting.config.train.batch}:",
            " ".join(fitting.overrides),
            f"{size(fitting.memory.total)}; {fitting.clips} clips a device at a time",
        ]
    )


def length(recipe: Recipe, videos: int | None, rate: float | None, notes: Sequence[str]) -> Table:
    """Steps, epochs, warm-up; the time if a rate in clips a second is given."""
    train, warmup = recipe.config.train, recipe.config.optimizer.warmup_epochs
    cells = [["steps", f"{train.steps:,}"], ["clips a step", f"{train.batch:,}"]]
    in_steps = ""
    if videos is not None:
        per_epoch = videos // train.batch
        cells += [
            ["videos", f"{videos:,}"],
            ["steps an epoch", f"{per_epoch:,}"],
            ["epochs", f"{train.steps / per_epoch:.1f}"],
        ]
        in_steps = f" = {round(warmup * per_epoch):,} steps"
    cells.append(["warm-up", f"{warmup:g} epochs{in_steps}"])
    if rate is not None:
        hours = train.steps * train.batch / rate / 3600
        cells.append(["training", f"{hours:,.1f} hours at {rate:g} clips a second, no validation"])
    return Table("Length", ["", "this run"], cells, notes)


def schedule(recipe: Recipe) -> str:
    """The rate, and the alignment's noise, over the steps: a drawing of characters."""
    train, optimizer = recipe.config.train, recipe.config.optimizer
    steps = np.linspace(0, train.steps - 1, _WIDE).astype(int)
    rates = np.asarray(recipe.rate(jnp.asarray(steps)), float)
    noise = alignment_noise(train.alignment_noise, jnp.asarray(steps), steps=train.steps)
    return "\n".join(
        [
            f"Rate: from 0 to {optimizer.rate:.1e}, then down to {optimizer.minimal_rate:.1e}",
            *columns(rates, _HIGH),
            f"Alignment's noise: from {train.alignment_noise:g} "
            f"down to {float(noise[-1]):.1e}, as progress goes",
            *columns(np.asarray(noise, float), 2),
        ]
    )


def columns(values: Sequence[float] | np.ndarray, high: int) -> list[str]:
    """A line for each row of characters; the largest value fills all rows."""
    top = max(values) or 1
    eighths = [round(value / top * 8 * high) for value in values]
    return [
        "|" + "".join(_EIGHTHS[min(max(e - 8 * row, 0), 8)] for e in eighths)
        for row in reversed(range(high))
    ]


def parts(recipe: Recipe) -> Table:
    """What trains, by part of the model and by its factor of the rate."""
    found: dict[tuple[str, float], int] = {}
    for path, value in flatten_dict(model.abstract(recipe.config.model).params, sep="/").items():
        key = part_of(path), recipe.rates[path]
        found[key] = found.get(key, 0) + math.prod(value.shape)
    optimizer = recipe.config.optimizer
    cells = [
        [part, f"{count:,}", "frozen", "–", "–"]
        if factor == FROZEN
        else [part, f"{count:,}", f"{factor:g} ×", f"{factor * optimizer.rate:.1e}",
              f"{factor * optimizer.minimal_rate:.1e}"]
        for (part, factor), count in found.items()
    ]  # fmt: skip
    trained = sum(count for (_, factor), count in found.items() if factor != FROZEN)
    return Table(
        f"Parameters and rates (optimizer.groups {optimizer.groups})",
        ["part", "parameters", "factor", "rate", "last rate"],
        cells,
        notes=[f"{trained:,} of {sum(found.values()):,} train"],
    )


def size(bytes_: float) -> str:
    return f"{bytes_ / 2**30:.2f} GiB" if bytes_ >= 2**27 else f"{bytes_ / 2**20:.1f} MiB"

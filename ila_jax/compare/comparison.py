"""What runs of several temporal models on motion pairs come to, side by side."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ila_jax.config import ModelConfig
from ila_jax.cost import traced
from ila_jax.cost.countings import METHODS, by_formula
from ila_jax.files.publish import publish_text
from ila_jax.scoring.time_order import TimeOrder
from ila_jax.tables import Table


@dataclass(frozen=True)
class Outcome:
    """What one finished run has come to.

    positions: whether multi-frame integration knows the frames' order. order: accuracies on clips
    forwards, backwards and shuffled. clips_per_second: of training, the median over the run; None
    for a run that is too short to tell.
    """

    method: str
    positions: bool
    seed: int
    order: TimeOrder
    clips_per_second: float | None


@dataclass(frozen=True)
class MethodRuns:
    """A method's runs over all seeds, at least one, and what the method costs.

    new_parameters: those that CLIP does not have. macs: multiply-accumulates of a clip, with the
    linear head.
    """

    method: str
    positions: bool
    outcomes: Sequence[Outcome]
    new_parameters: int
    macs: int

    @property
    def title(self) -> str:
        """The method as tables name it."""
        return METHODS[self.method].title

    def of(self, measure: str) -> list[float]:
        """The accuracy of every seed, a share. measure: `forward`, `to_partner` or `shuffled`."""
        return [getattr(outcome.order, measure) for outcome in self.outcomes]

    def per_class(self) -> dict[str, float | None]:
        """The mean over seeds of each class's accuracy."""
        names = self.outcomes[0].order.per_class
        by_class = {name: [o.order.per_class[name] for o in self.outcomes] for name in names}
        return {
            name: _mean([v for v in values if v is not None]) for name, values in by_class.items()
        }

    @property
    def clips_per_second(self) -> float | None:
        """The median over seeds; None where all runs were too short to tell."""
        speeds = [o.clips_per_second for o in self.outcomes if o.clips_per_second is not None]
        return statistics.median(speeds) if speeds else None


def write(outcome: Outcome, path: Path) -> None:
    """Writes an outcome, whole or not at all: that the file is there says that the run is done."""
    publish_text(path, json.dumps(asdict(outcome), indent=2) + "\n")


def read(path: Path) -> Outcome:
    """Reads what `write` wrote."""
    # `asdict` has made a dict of the inner dataclass as well.
    values = json.loads(path.read_text())
    return Outcome(**values | {"order": TimeOrder(**values["order"])})


def training_speed(metrics: Path) -> float | None:
    """Clips a second of training, the median over the log lines of a run; None without any.

    The median, since other work of the machine slows some of the lines down.
    """
    lines = [json.loads(line) for line in metrics.read_text("utf-8").strip().split("\n")]
    speeds = [line[key] for line in lines if (key := "time/clips_per_second") in line]
    return statistics.median(speeds) if speeds else None


def rows(outcomes: Sequence[Outcome], model: ModelConfig) -> list[MethodRuns]:
    """Methods in the order of the table, each with positions before without.

    model: of any of the runs, with the linear head; they differ in their temporal model alone.
    """
    assert model.classes is not None, "motion pairs have the linear head"
    table = []
    for key, method in METHODS.items():
        for positions in (True, False):
            runs = [o for o in outcomes if (o.method, o.positions) == (key, positions)]
            # With --methods, a comparison has only some of them.
            if not runs:
                continue
            # With and without positions a method costs the same here: their embedding is t × e
            # parameters and one addition.
            config = replace(model, temporal=method.temporal, convolutions=method.convolutions)
            macs = by_formula(config, model.classes)["linear_head"]
            table.append(MethodRuns(key, positions, runs, traced.parameters(config).new, macs))
    return table


def tables(rows: Sequence[MethodRuns]) -> list[Table]:
    """The accuracies of every method beside its costs, and the accuracies of every class."""
    return [_accuracies(rows), _classes(rows)]


def _accuracies(rows: Sequence[MethodRuns]) -> Table:
    header = [
        "method", "positions", "top-1 %", "backwards → partner %", "shuffled %",
        "new parameters", "MMACs", "clips/s",
    ]  # fmt: skip
    cells = [
        [
            row.title,
            "yes" if row.positions else "no",
            *(_spread(row.of(measure)) for measure in ("forward", "to_partner", "shuffled")),
            f"{row.new_parameters:,}",
            f"{row.macs / 1e6:.1f}",
            "–" if row.clips_per_second is None else f"{row.clips_per_second:.0f}",
        ]
        for row in rows
    ]
    notes = [
        "positions: whether multi-frame integration adds an embedding of each frame's place.",
        "mean (lowest to highest) over seeds; one figure where there is one seed.",
        "backwards → partner: of the clips that were right, the share that is named as the "
        "reversed class when played backwards.",
        "MMACs: of one clip with the linear head. clips/s: training on this machine.",
    ]
    return Table("Motion pairs: 8 classes, chance 12.5 %, looks alone 50 %", header, cells, notes)


def _classes(rows: Sequence[MethodRuns]) -> Table:
    # All runs have the classes of the motion pairs.
    names = list(rows[0].per_class())
    cells = [
        [
            row.title,
            "yes" if row.positions else "no",
            *("–" if v is None else f"{100 * v:.0f}" for v in row.per_class().values()),
        ]
        for row in rows
    ]
    return Table("Top-1 of each class, %, mean over seeds", ["method", "positions", *names], cells)


def as_json(rows: Sequence[MethodRuns]) -> list[dict[str, Any]]:
    """The rows as `report.json` holds them, with every seed's outcome."""
    return [asdict(row) | {"title": row.title, "per_class": row.per_class()} for row in rows]


def _spread(values: Sequence[float]) -> str:
    """The mean over seeds in percent, with the lowest and the highest in brackets."""
    # Not a standard deviation: of three seeds, the lowest and the highest say more.
    mean = f"{100 * statistics.mean(values):.1f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def _mean(values: Sequence[float]) -> float | None:
    return statistics.mean(values) if values else None

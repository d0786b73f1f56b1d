"""The figure of a comparison: accuracy in every setting, against cost, and what is aligned."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ila_jax.compare.estimates import estimate

if TYPE_CHECKING:
    from ila_jax.compare.comparison import MethodRuns

# What a method aligns by, the first that it has: its own means before what all have.
_OWN = ("masks", "matching", "over time", "class token")


def require_matplotlib() -> Any:
    """Matplotlib's class Figure. Errors: ValueError where it is not installed."""
    # Not pyplot, which would open a window where there is a screen, and keep figures alive.
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "the report's figures need matplotlib: pip install 'ila-jax[plots]'"
        ) from error
    return Figure


def draw(rows: "Sequence[MethodRuns]", path: Path) -> None:
    """Writes one picture of three panels. Errors: ValueError without matplotlib, OSError."""
    titles = list(dict.fromkeys(row.title for row in rows))
    size = (16, 2.5 + 0.42 * len(titles))
    figure = require_matplotlib()(figsize=size, layout="constrained")
    bars, costs, aligned = figure.subplots(1, 3, width_ratios=[1.3, 0.9, 1.2])
    _draw_accuracies(bars, rows, titles)
    _draw_costs(costs, rows)
    _draw_alignment(aligned, rows)
    figure.savefig(path, dpi=110)


def _draw_accuracies(axes: Any, rows: "Sequence[MethodRuns]", titles: Sequence[str]) -> None:
    """The mean accuracy of each method with its interval, and a mark for each seed."""
    groups = list(dict.fromkeys((*row.setting, row.positions) for row in rows))
    for i, (layout, budget, positions) in enumerate(groups):
        shift = 0.7 * ((i + 0.5) / len(groups) - 0.5)
        label = f"{layout}, by {budget}" + ("" if positions else ", no positions")
        group = [row for row in rows if (*row.setting, row.positions) == groups[i]]
        at = [titles.index(row.title) + shift for row in group]
        means = [estimate(row.by_clip(lambda c: c.right)) for row in group]
        values, margins = [100 * m.value for m in means], [100 * m.margin for m in means]
        axes.errorbar(values, at, xerr=margins, fmt="o", color=f"C{i}", capsize=2, label=label)
        for y, row in zip(at, group, strict=True):
            # A mark for each seed shows what the mean hides.
            axes.plot([100 * v for v in row.of("forward")], [y] * len(row.runs), "k|", markersize=6)
    # Without the order of frames a model can tell the four pairs apart, and guesses within each.
    axes.axvline(50, color="gray", linestyle=":")
    axes.set_yticks(range(len(titles)), titles)
    axes.invert_yaxis()
    axes.set_xlim(0, 102)
    axes.set_xlabel("top-1 on motion pairs, %; dotted: looks alone")
    axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def _draw_costs(axes: Any, rows: "Sequence[MethodRuns]") -> None:
    """Accuracy against the multiply-accumulates of training, a line from budget to budget."""
    shown = [row for row in rows if row.positions]
    layout = shown[-1].setting.layout if shown else ""
    for i, method in enumerate(dict.fromkeys(row.method for row in shown)):
        points = sorted(
            (3 * row.macs * row.steps * row.runs[0].outcome.batch / 1e12,
             100 * estimate(row.by_clip(lambda c: c.right)).value)
            for row in shown
            if row.method == method and row.setting.layout == layout
        )  # fmt: skip
        if points:
            axes.plot(*zip(*points, strict=True), "o-", color=f"C{i}", label=method)
    axes.legend(fontsize="small")
    axes.set_xlabel("10¹² multiply-accumulates of training")
    axes.set_ylabel(f"top-1, {layout} layout, %")


def _draw_alignment(axes: Any, rows: "Sequence[MethodRuns]") -> None:
    """What the last block of each method aligns with what moves, and three things to hold it to."""
    labels: list[str] = []
    marks = {"mover": "ko", "random": "C1x", "fixed": "C0|", "best": "C2>"}
    for row in rows:
        if not row.positions or row.setting.budget != "steps":
            continue
        measure = next(name for name in _OWN if any(key[0] == name for key in row.runs[0].measures))
        block = max(key[1] for key in row.runs[0].measures if key[0] == measure)
        for name, mark in marks.items():
            found = estimate(row.measured((measure, block), name))
            if not math.isnan(found.value):
                axes.errorbar(100 * found.value, len(labels), xerr=100 * found.margin, fmt=mark,
                              capsize=2, label=None if labels else name)  # fmt: skip
        labels.append(f"{row.method}, {row.setting.layout}: {measure}")
    axes.set_yticks(range(len(labels)), labels, fontsize="small")
    axes.invert_yaxis()
    axes.set_xlim(0, 102)
    axes.set_xlabel("share on the object that moves, last block, %")
    axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)

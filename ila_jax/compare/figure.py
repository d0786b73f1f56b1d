"""Figures of a comparison: accuracy with and without positions, against cost, and by class."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ila_jax.compare.comparison import MethodRuns


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
    figure = require_matplotlib()(figsize=(16, 5), layout="constrained")
    bars, costs, classes = figure.subplots(1, 3, width_ratios=[1.1, 1, 1.3])
    _draw_bars(bars, rows)
    _draw_costs(costs, rows)
    _draw_classes(classes, rows)
    figure.savefig(path, dpi=110)


def _draw_bars(axes: Any, rows: "Sequence[MethodRuns]") -> None:
    """The mean accuracy of each method, with and without positions, and a mark for each seed."""
    titles = list(dict.fromkeys(row.title for row in rows))
    for positions, shift, colour in ((True, -0.2, "C0"), (False, 0.2, "C1")):
        drawn_rows = [row for row in rows if row.positions is positions]
        at = [titles.index(row.title) + shift for row in drawn_rows]
        values = [100 * np.array(row.of("forward")) for row in drawn_rows]
        means = [v.mean() for v in values]
        label = "with MIT's positions" if positions else "without"
        axes.barh(at, means, height=0.4, color=colour, label=label)
        for y, seeds in zip(at, values, strict=True):
            # A mark for each seed shows what the mean hides.
            axes.plot(seeds, [y] * len(seeds), "k|", markersize=7)
    # Without the order of frames a model can tell the four pairs apart, and guesses within each.
    axes.axvline(50, color="gray", linestyle=":", label="looks alone")
    axes.set_yticks(range(len(titles)), titles)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("top-1 on motion pairs, %")
    axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)


def _draw_costs(axes: Any, rows: "Sequence[MethodRuns]") -> None:
    """Accuracy against multiply-accumulates, a point for each method with positions."""
    # A point for each method: without positions it would cost the same.
    for i, row in enumerate(row for row in rows if row.positions):
        accuracy = 100 * mean(row.of("forward"))
        axes.plot(row.macs / 1e6, accuracy, "o", color=f"C{i}", label=row.method)
    axes.legend(fontsize="small", loc="upper left")
    axes.set_xlabel("million multiply-accumulates of a clip")
    axes.set_ylabel("top-1 with MIT's positions, %")


def _draw_classes(axes: Any, rows: "Sequence[MethodRuns]") -> None:
    """The accuracy of each class as a colour, a line for each method."""
    by_class = [row.per_class() for row in rows]
    # A class without videos stays white.
    values = [[np.nan if v is None else 100 * v for v in row.values()] for row in by_class]
    image = axes.imshow(values, vmin=0, vmax=100, aspect="auto", cmap="viridis")
    labels = [row.method + ("" if row.positions else ", no positions") for row in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize="small")
    axes.set_xticks(range(len(by_class[0])), by_class[0], rotation=60, ha="right", fontsize="small")
    axes.figure.colorbar(image, ax=axes, label="top-1 of the class, %")

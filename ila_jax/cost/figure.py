"""Figures: the paper's accuracy against cost, and growth on logarithmic axes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ila_jax.cost.paper import TABLE_2

if TYPE_CHECKING:
    from ila_jax.cost.growth import Growth, Line
    from ila_jax.cost.table import CostRow

_SUFFIXES = (".png", ".svg", ".pdf")


def check(path: Path) -> None:
    """Checks that a figure can be made, before the work.

    Errors: ValueError for another kind of file, for a folder that does not exist, and where
    matplotlib is missing.
    """
    if path.suffix not in _SUFFIXES:
        raise ValueError(f"--figure {path}: expected a name that ends in {', '.join(_SUFFIXES)}")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"--figure {path}: there is no folder {path.absolute().parent}")
    _figure(1)


def draw_costs(rows: "Sequence[CostRow]", path: Path) -> None:
    """Draws the paper's top-1 against its GFLOPs and against our GMACs.

    Errors: ValueError when no row has figures of the paper.
    """
    published = [row for row in rows if row.paper]
    if not published:
        raise ValueError(
            "the figure shows the paper's accuracies, which are of B/32, 8 frames, 400 classes: "
            "leave --size, --frames and --classes as they are, and among --methods one of "
            f"{', '.join(TABLE_2)}"
        )
    figure, (axes,) = _figure(1)
    for i, row in enumerate(published):
        assert row.paper is not None, "chosen above"
        ours, colour = row.formula["text_head"] / 1e9, f"C{i}"
        top1 = row.paper.top1
        # A thin line joins the two costs of one model: its accuracy is the same.
        axes.plot([row.paper.gflops, ours], [top1, top1], color=colour, linewidth=0.8)
        axes.plot(row.paper.gflops, top1, "o", color=colour, fillstyle="none")
        axes.plot(ours, top1, "o", color=colour, label=row.method.title)
    axes.set_xlabel("hollow: GFLOPs in the paper; full: our GMACs with the text head")
    axes.set_ylabel("top-1 on Kinetics-400 in the paper, %")
    axes.set_title("B/32, 8 frames, 400 classes")
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)


def draw_growth(growth: "Growth", path: Path) -> None:
    """Draws time and memory at every value, log-log, with the fitted exponents in the legend."""
    figure, (time, memory) = _figure(2)
    for i, line in enumerate(growth.lines):
        # Alignments alone are dashed and black, told apart by their markers.
        # matplotlib has ten colours in a row, C0 to C9.
        style = {"color": f"C{i % 10}", "linestyle": "-", "marker": "o"}
        if line.alone:
            style = {"color": "black", "linestyle": "--", "marker": "sD^vP*"[i % 6]}
        time.loglog(
            growth.values, [1e3 * s for s in line.seconds], label=_label(growth, line), **style
        )
        if all(line.bytes):  # nothing tells the memory of scipy's
            memory.loglog(growth.values, [(b or 0) / 1e6 for b in line.bytes], **style)
    for axes, unit in ((time, "ms a clip"), (memory, "MB of outputs and intermediates")):
        axes.set_ylabel(unit)
        axes.set_xlabel(growth.axis)
        axes.set_xticks(growth.values, [str(value) for value in growth.values])
        axes.minorticks_off()
    title = f"{growth.size}: exponents of time, memory, formula"
    figure.legend(loc="outside right upper", fontsize="small", title=title)
    figure.savefig(path, dpi=150)


def _label(growth: "Growth", line: "Line") -> str:
    """A line's title and its exponents of time, memory and formula."""
    measures = (line.seconds, line.bytes, line.formula)
    fitted = (line.exponent(growth.values, numbers) for numbers in measures)
    powers = ", ".join("–" if power is None else f"{power:.1f}" for power in fitted)
    return f"{line.title}: {powers}"


def _figure(panels: int) -> tuple[Any, list[Any]]:
    """A figure and its axes. Errors: ValueError where matplotlib is missing."""
    # Not pyplot, which would keep every figure open and ask for a display.
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError("--figure needs matplotlib: pip install 'ila-jax[plots]'") from error
    figure = Figure(figsize=(7.5 * panels, 5), layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False)[0])

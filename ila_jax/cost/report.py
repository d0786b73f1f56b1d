"""The tables of the costs."""

from collections.abc import Sequence

from ila_jax.cost.countings import COUNTINGS, Setting
from ila_jax.cost.growth import Growth
from ila_jax.cost.measure import machine
from ila_jax.cost.table import CostRow
from ila_jax.tables import Table


def cost_tables(setting: Setting, rows: Sequence[CostRow]) -> list[Table]:
    """Our costs, then the paper's where the setting is its own, then what --measure adds."""
    tables = [_costs(setting, rows)]
    if any(row.paper for row in rows):
        tables.append(_paper(rows))
    if any(row.measured for row in rows):
        tables.append(_measured(setting, rows))
    return tables


def _costs(setting: Setting, rows: Sequence[CostRow]) -> Table:
    """Complexity, parameters and multiply-accumulates, a line for each row."""
    # text_head_weights is for the comparison with the paper alone.
    columns = ("tower", "text_head", "one_class", "linear_head")
    header = ["method", "complexity", "new", "total", *columns, "traced", "folded"]
    cells = [
        [
            row.method.title,
            row.complexity,
            f"{row.parameters.new:,}",
            f"{row.parameters.total:,}",
            *(f"{row.formula[name] / 1e9:.2f}" for name in columns),
            f"{row.disagreement:.0e}" if row.disagreement else "equal",
            f"{row.folded['text_head'] / 1e9:.2f}",
        ]
        for row in rows
    ]
    notes = [
        "new, total: parameters, beyond CLIP's image tower and with the text head.",
        "The others are GMACs of one clip by formula, which the literature calls GFLOPs:",
        *(f"{name}: {what}." for name, what in COUNTINGS.items() if name in columns),
        "traced: largest relative difference of the same counted in the traced program.",
        "folded: text_head in the inference form, where layers are merged (models.md 12).",
    ]
    pixels = "" if setting.resolution is None else f", {setting.resolution} pixels"
    title = f"{setting.size}, {setting.frames} frames, {setting.classes} classes{pixels}"
    return Table(title, header, cells, notes)


def _paper(rows: Sequence[CostRow]) -> Table:
    """The paper's figures and what of them is reproduced, the reasons below."""
    cells, notes = [], []
    for row in rows:
        # A line all the same, so that every table has the same rows.
        if row.paper is None or row.verdict is None:
            cells.append([row.method.title, "–", "–", "–", "–", "no such row in the paper"])
            continue
        cells.append(
            [row.method.title, f"{row.paper.top1:.1f}", f"{row.paper.gflops:g}",
             f"{row.verdict.gmacs:.2f}", row.verdict.counting, str(row.verdict)]
        )  # fmt: skip
        notes.append(f"{row.method.title}: {row.verdict.why}")
    notes += [
        f"text_head_weights: {COUNTINGS['text_head_weights']}.",
        "SSv2 form: two more 3×3 convolutions, +0.6 % top-1 on Something-Something v2 there.",
    ]
    header = ["method", "top-1 %", "GFLOPs", "ours, nearest", "counting", "GFLOPs reproduced?"]
    return Table("The paper (supplement, Table 2, Kinetics-400) and ours", header, cells, notes)


def _measured(setting: Setting, rows: Sequence[CostRow]) -> Table:
    """Seconds and bytes on this machine."""
    header = ["method", "ms a clip", "fastest", "peak MB", "XLA GMACs", "GMAC/s", "compiling s"]
    cells = []
    for row in rows:
        if row.measured is None:
            continue
        cost = row.measured
        peak = "–" if cost.peak_bytes is None else f"{cost.peak_bytes / 1e6:.0f}"
        xla = "–" if cost.xla_macs is None else f"{cost.xla_macs / 1e9:.2f}"
        # By the formula's count: XLA's has elementwise arithmetic in it, and loops only once.
        gmacs_per_second = row.formula["text_head"] / 1e9 / cost.seconds
        cells.append(
            [row.method.title, f"{1e3 * cost.seconds:.1f}", f"{1e3 * cost.fastest:.1f}",
             peak, xla, f"{gmacs_per_second:.1f}", f"{cost.compiling:.1f}"]
        )  # fmt: skip
    notes = [
        "One clip, text head, class features given; the median of repeated calls.",
        "peak MB: weights but the text tower's, inputs, outputs and XLA's intermediates.",
        "XLA GMACs: half the operations that XLA counts in the compiled program, elementwise ones "
        "included, loops once.",
    ]
    return Table(f"Measured: {machine()}, {setting.precision}", header, cells, notes)


def growth_table(growth: Growth) -> Table:
    """Milliseconds of the fastest call at each value, and exponents fitted over all of them."""
    header = [
        "what",
        *(f"{growth.axis} {value}" for value in growth.values),
        "time ~", "memory ~", "formula ~",
    ]  # fmt: skip
    cells = [
        [
            line.title,
            *(f"{1e3 * seconds:.2f} ms" for seconds in line.seconds),
            _power(line.exponent(growth.values, line.seconds)),
            _power(line.exponent(growth.values, line.bytes)),
            _power(line.exponent(growth.values, line.formula)),
        ]
        for line in growth.lines
    ]
    notes = [
        f"~: the exponent a of {growth.axis}^a, fitted on logarithms over all values.",
        "memory: outputs and intermediates, without weights. formula: MACs of the tower; "
        "of matching alone (T − 1)·P³ steps, of ILA's alignment its MACs.",
    ]
    return Table(f"Growth, {growth.size}: {machine()}", header, cells, notes)


def _power(exponent: float | None) -> str:
    """An exponent in a table; a dash where none could be fitted."""
    return "–" if exponent is None else f"{exponent:.2f}"

"""The tables of a benchmark of models."""

from collections.abc import Callable, Sequence

from ila_jax.benchmark.result import PassSpeed, Result, Row
from ila_jax.tables import Table

_GIB = 2**30
_NONE = "–"
_NOTES = (
    "Both on noise: nothing is read or decoded. The median of the calls. GMACs: of a clip forward, "
    "by formula, of the model as it is trained.",
    "of matmul: share of the rate of a large matrix product. of floor: share of the least time "
    "that products and transfers take. of spatial: of matmul through the spatial model's.",
    "GiB: of a device, arguments and working memory, by XLA's buffer assignment. cold, cached: "
    "compiling after tracing, and reading what an earlier start compiled.",
)


def model_tables(result: Result) -> list[Table]:
    """What each row's time and memory go to, and then all rows in one table for each pass."""
    return [
        *(table for row in result.rows for table in _taken_apart(row)),
        _passes("Training", result, lambda row: row.training, _peaks(result)),
        _passes("Recognition", result, lambda row: row.inference, _NOTES),
    ]


def _passes(
    title: str, result: Result, pass_of: Callable[[Row], PassSpeed], more: Sequence[str]
) -> Table:
    """more: notes, behind the sentences on what limits."""
    header = [
        "configuration", "model", "remat", "batch", "clips/s", "spread", "GMACs", "of matmul",
        "of floor", "of spatial", "GiB", "trace s", "cold s", "cached s",
    ]  # fmt: skip
    cells = [_cells(row, pass_of(row), _spatial(row, result, pass_of)) for row in result.rows]
    notes = [f"{row.name}: {pass_of(row).limiter}" for row in result.rows]
    notes += more
    return Table(f"{title} on {_machine(result)}", header, cells, notes)


def _cells(row: Row, speed: PassSpeed, of_spatial: float | None) -> list[str]:
    model = row.setting["model"]
    parts = row.setting["accumulation"]
    return [
        row.setting["configuration"],
        model["temporal"],
        model["remat"],
        str(row.setting["batch"]) + (f" in {parts} parts" if parts > 1 else ""),
        f"{speed.clips_per_second:.3g}",
        f"{speed.spread:.0%}",
        f"{row.inference.flops_per_clip / 2e9:.4g}",
        f"{speed.share_of_matmul:.0%}",
        f"{speed.share_of_floor:.0%}",
        _number(of_spatial, ".2f"),
        _NONE if speed.working is None else f"{_together(speed) / _GIB:.2f}",
        f"{speed.tracing:.1f}",
        f"{speed.compile_cold:.1f}",
        _number(speed.compile_cached, ".1f"),
    ]


def _spatial(row: Row, result: Result, pass_of: Callable[[Row], PassSpeed]) -> float | None:
    """The share of the matrix rate through that of the spatial model with the same setting."""
    for other in result.rows:
        settings = ("configuration", "batch", "accumulation")
        same = all(row.setting[key] == other.setting[key] for key in settings)
        model, theirs = row.setting["model"], other.setting["model"]
        if same and theirs["temporal"] == "spatial" and theirs["remat"] == model["remat"]:
            return pass_of(row).share_of_matmul / pass_of(other).share_of_matmul
    return None


def _together(speed: PassSpeed) -> int:
    return (speed.arguments or 0) + (speed.working or 0)


def _peaks(result: Result) -> list[str]:
    """What only some devices tell: the share of the maker's peak, and the memory in use."""
    notes = []
    for row in result.rows:
        if row.mfu is not None:
            notes.append(f"{row.name}: {row.mfu:.0%} of the maker's peak (MFU).")
        if row.memory is not None:
            notes.append(f"{row.name}: {row.memory:.1f} GiB at most in use on a device so far.")
    return notes


def _machine(result: Result) -> str:
    machine = result.machine
    cores = f", {machine['cores']} cores" if machine.get("cores") else ""
    return f"{machine['devices']} x {machine['device']}{cores}, jax {machine['jax']}"


def _taken_apart(row: Row) -> list[Table]:
    tables = [
        _parts(f"Where a step of {row.name} goes", row, row.training),
        _buffers(row),
        _parts(f"Where a forward pass of {row.name} goes", row, row.inference),
    ]
    return [table for table in tables if table.cells]


def _parts(title: str, row: Row, speed: PassSpeed) -> Table:
    total = sum(part["seconds"] for part in speed.parts)
    cells = [
        [
            part["name"],
            f"{1e3 * part['seconds']:.2f}",
            f"{part['seconds'] / total:.1%}",
            f"{part['flops'] / 1e9:.4g}" if part["flops"] else _NONE,
            f"{part['flops'] / part['seconds'] / row.matmul:.0%}" if part["flops"] else _NONE,
        ]
        for part in speed.parts
    ]
    notes = [
        f"By the clock {1e3 * speed.seconds:.2f} ms, traced {1e3 * total:.2f} ms; on a CPU what "
        "runs beside something else counts twice. GFLOP, of matmul: of one device."
    ]
    return Table(title, ["part", "ms", "share", "GFLOP", "of matmul"], cells, notes)


def _buffers(row: Row) -> Table:
    """What the pass forward made and the pass backward still needs, where memory is fullest."""
    cells = [
        [buffers["part"], buffers["shape"], str(buffers["count"]), f"{buffers['size'] / _GIB:.3f}"]
        for buffers in row.training.buffers
    ]
    notes = [
        "By XLA's buffer assignment, of one device. What a part made forward is kept for its pass "
        "backward. A step that is several programs is looked at in the one in which most memory is "
        "in use: what the programs before it have made is mostly kept for passes backward.",
    ]
    header = ["made by", "shape", "count", "GiB"]
    return Table(f"In memory when that is fullest, a step of {row.name}", header, cells, notes)


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)

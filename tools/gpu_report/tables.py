"""The tables of a report, from its file alone."""

import statistics
from collections.abc import Sequence
from typing import Any

from ila_jax.tables import Table

Entries = dict[str, Any]
_NONE = "–"
# What tells rows of different things apart, in whichever round.
_SAME = ("kind", "size", "frames", "batch", "batch_measured", "dtype", "remat")
_MEDIAN = {"clips_per_second", "step_ms", "tracing_s", "compile_s"}
_MOST = {"peak_gib", "xla_gib", "host_gib", "matmul_flops"}
# What a row is compared with: PyTorch in eager mode.
_BESIDE = {"train": "torch-train", "infer": "torch-infer", "torch-compiled": "torch-infer"}


def tables(rows: Sequence[Entries], machine: str) -> list[Table]:
    """All that has something in it: the models, the parts alone, the parts of a step, failures."""
    made = [
        _models(medians(rows), machine),
        *(_parts(rows, row) for row in rows if row["kind"] == "parts" and row.get("parts")),
        *(_profile(row) for row in rows if row.get("parts_ms")),
        _failed(rows),
    ]
    return [table for table in made if table.cells]


def medians(rows: Sequence[Entries]) -> list[Entries]:
    """One row for those of all rounds: medians of speeds and times, and the most of memory."""
    groups: dict[tuple[Any, ...], list[Entries]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in _SAME), []).append(row)
    return [_median(group) for group in groups.values()]


def _median(group: Sequence[Entries]) -> Entries:
    measured = [row for row in group if "clips_per_second" in row] or list(group)
    told = {key: [row[key] for row in measured if key in row] for key in _MEDIAN | _MOST}
    merged = dict(measured[0])
    merged |= {key: statistics.median(told[key]) for key in _MEDIAN if told[key]}
    merged |= {key: max(told[key]) for key in _MOST if told[key]}
    speeds = told["clips_per_second"]
    if len(speeds) > 1:
        merged |= {"spread": (max(speeds) - min(speeds)) / merged["clips_per_second"]}
    return merged


def rate(rows: Sequence[Entries]) -> float | None:
    """Operations a second of the device: the most that any row's large matrix product reached."""
    told = [row["matmul_flops"] for row in rows if "matmul_flops" in row]
    return max(told, default=None)


def _models(rows: Sequence[Entries], machine: str) -> Table:
    header = [
        "what", "size", "frames", "batch", "remat", "clips/s", "of PyTorch", "TFLOP/s",
        "of matmul", "GiB", "host GiB", "XLA says", "planned", "without margin", "trace s",
        "compile s", "spread",
    ]  # fmt: skip
    fastest = rate(rows)
    cells = [_model(row, rows, fastest) for row in rows if "clips_per_second" in row]
    notes = [
        "of PyTorch: clips/s through those of PyTorch in eager mode, on the same device.",
        "TFLOP/s: of the model's own multiply-adds by formula, two operations each; what remat "
        "computes again is not counted. of matmul: of the device's rate in a large product"
        + (f", {fastest / 1e12:.1f} TFLOP/s." if fastest else ", which was not measured."),
        "Of several rounds: medians, the most memory, and the spread between rounds.",
        "GiB: the most in use of the device's memory. host GiB: of the host's, by the whole "
        "process; on a CPU that is all there is, compiling included. XLA says: by its own account "
        "of the program. planned: by --dry-run.",
    ]
    return Table(machine, header, cells, notes)


def _model(row: Entries, rows: Sequence[Entries], fastest: float | None) -> list[str]:
    trains = row["kind"].endswith("train")
    flops = operations(row, rows)
    reached = None if flops is None else row["clips_per_second"] * flops
    share = None if reached is None or fastest is None else reached / fastest
    return [
        row["kind"],
        row["size"],
        str(row["frames"]),
        str(row.get("batch_measured", row["batch"])),
        row["remat"] if row["kind"] == "train" else _NONE,
        f"{row['clips_per_second']:.1f}",
        _number(ratio(row, rows), ".2f"),
        _number(None if reached is None else reached / 1e12, ".1f"),
        _number(share, ".0%"),
        _number(row.get("peak_gib"), ".1f"),
        _number(row.get("host_gib"), ".1f"),
        _number(row.get("xla_gib"), ".1f"),
        _number(row.get("plan_gib"), ".1f") if trains else _NONE,
        _number(row.get("estimate_gib"), ".1f") if trains else _NONE,
        _number(row.get("tracing_s"), ".1f"),
        _number(row.get("compile_s"), ".1f"),
        _number(row["spread"], ".1%"),
    ]


def operations(row: Entries, rows: Sequence[Entries]) -> float | None:
    """Operations of a clip; PyTorch's rows have those of ila_jax's, or none."""
    trains = row["kind"].endswith("train")
    for other in (row, *rows):
        if (other["size"], other["frames"]) == (row["size"], row["frames"]):
            if trains and "flops_per_clip" in other:
                return other["flops_per_clip"]
            if not trains and "macs_per_clip" in other:
                return 2 * other["macs_per_clip"]
    return None


def ratio(row: Entries, rows: Sequence[Entries]) -> float | None:
    """Clips a second through PyTorch's at the same size; None where either was not measured."""
    for other in rows:
        same = (other["size"], other["frames"]) == (row["size"], row["frames"])
        if same and other["kind"] == _BESIDE.get(row["kind"]) and "clips_per_second" in other:
            return row["clips_per_second"] / other["clips_per_second"]
    return None


def _parts(rows: Sequence[Entries], row: Entries) -> Table:
    """A block's parts alone; MACs backward are twice those forward."""
    header = [
        "part", "forward ms", "of matmul", "with backward ms", "of matmul",
        "PyTorch forward ms", "PyTorch with backward ms",
    ]  # fmt: skip
    beside: Entries = next(
        (r["parts"] for r in rows if r["kind"] == "torch-parts" and r["size"] == row["size"]
         and "parts" in r), {}
    )  # fmt: skip
    fastest = rate(rows)
    cells = [
        [
            name,
            _number(part.get("forward_ms"), ".3f"),
            _share(part.get("forward_ms"), 2 * part["macs"], fastest),
            _number(part.get("both_ms"), ".3f"),
            _share(part.get("both_ms"), 6 * part["macs"], fastest),
            _number(beside.get(name, {}).get("forward_ms"), ".3f"),
            _number(beside.get(name, {}).get("both_ms"), ".3f"),
        ]
        for name, part in row["parts"].items()
        if "error" not in part
    ]
    title = f"Parts of one block, {row['size']}, {row['batch']} clips of {row['frames']} frames"
    errors = [f"{name}: {p['error']}" for name, p in row["parts"].items() if "error" in p]
    return Table(title, header, cells, errors)


def _share(milliseconds: float | None, flops: float, fastest: float | None) -> str:
    if not milliseconds or not flops or fastest is None:
        return _NONE
    return f"{flops / (milliseconds / 1e3) / fastest:.0%}"


def _profile(row: Entries) -> Table:
    total = sum(row["parts_ms"].values())
    cells = [[name, f"{ms:.2f}", f"{ms / total:.1%}"] for name, ms in row["parts_ms"].items()]
    title = f"A step of {row['size']} by named scope, of {row['step_ms']:.1f} ms by the clock"
    return Table(title, ["part", "ms", "share"], cells)


def _failed(rows: Sequence[Entries]) -> Table:
    cells = [[row["name"], row["error"].splitlines()[0][:100]] for row in rows if row.get("error")]
    return Table(
        "Not measured, or not to the end; the whole text is in the file", ["row", "why"], cells
    )


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)

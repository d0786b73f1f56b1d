"""A result beside an earlier one: whether they can be compared, and the ratios."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ila_jax.benchmark.result import Result, Row, row_name
from ila_jax.tables import Table

# Two versions of jax, or of the code, are what people compare; two machines are not.
_MACHINE = ("device", "devices", "cores")


def check_comparable(
    path: Path, earlier: Result, machine: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]
) -> None:
    """Checks an earlier result before minutes of measuring.

    machine, settings: of the result that is to come. Errors: ValueError naming what differs.
    """
    reasons = differences(earlier, machine, settings)
    if reasons:
        raise ValueError(
            f"{path} is of something else: {'; '.join(reasons)}. Measure both with the same, or "
            "take the ratios all the same with --unlike"
        )


def differences(
    earlier: Result, machine: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What differs of machine, models and batches, one phrase each, as "batch: 4 here, 8 there"."""
    here = {key: machine.get(key) for key in _MACHINE}
    reasons = _unequal("", here, earlier.machine)
    for setting in settings:
        name = row_name(dict(setting))
        row = earlier.row(name)
        if row is None:
            there = ", ".join(row.name for row in earlier.rows) or "none"
            reasons.append(f"no row {name} there, but {there}")
        else:
            reasons += _unequal("", setting, row.setting)
    # All rows have the same batch: it is said once.
    return list(dict.fromkeys(reasons))


def _unequal(prefix: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Keys whose values differ. A key that an earlier version did not have is no difference."""
    reasons = []
    for key in here.keys() & there.keys():
        mine, other = here[key], there[key]
        if isinstance(mine, dict) and isinstance(other, dict):
            reasons += _unequal(f"{key}.", mine, other)
        elif mine != other:
            reasons.append(f"{prefix}{key}: {mine} here, {other} there")
    return sorted(reasons)


def against_table(result: Result, earlier: Result, path: Path) -> Table:
    """Ratios to the rows of the same names, or of the one row to the other."""
    header = ["row", *(title for title, _ in _RATIOS)]
    cells = []
    for row in result.rows:
        before = earlier.row(row.name) or _only(result, earlier)
        if before is not None:
            ratios = (_ratio(value(row), value(before)) for _, value in _RATIOS)
            cells.append([row.name, *ratios])
    notes = [
        "Now through then: of clips/s more is better, of all others less. matmul: of the rate of a "
        "large matrix product, which is 1 where the machine was as free as it was then.",
    ]
    unlike = _unequal("", result.machine, earlier.machine)
    unlike += differences(earlier, result.machine, [row.setting for row in result.rows])
    notes += [f"Unlike: {'; '.join(dict.fromkeys(unlike))}."] if unlike else []
    return Table(f"Against {path}", header, cells, notes)


_RATIOS: Sequence[tuple[str, Callable[[Row], float | None]]] = (
    ("trains, clips/s", lambda row: row.training.clips_per_second),
    ("working memory", lambda row: row.training.working),
    ("compiles cold", lambda row: row.training.tracing + row.training.compile_cold),
    ("recognises, clips/s", lambda row: row.inference.clips_per_second),
    ("its working memory", lambda row: row.inference.working),
    ("matmul", lambda row: row.matmul),
)


def _only(result: Result, earlier: Result) -> Row | None:
    """The one row of an earlier result, where there is one row now: they are meant together."""
    return earlier.rows[0] if len(result.rows) == len(earlier.rows) == 1 else None


def _ratio(now: float | None, then: float | None) -> str:
    return f"{now / then:.2f}" if now and then else "–"

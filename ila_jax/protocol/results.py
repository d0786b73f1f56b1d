"""What the runs of a protocol came to: each measurement, and mean ± deviation in one table."""

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ila_jax.evaluate.results import finished, read_result
from ila_jax.files.json_files import json_text
from ila_jax.files.publish import publish_text
from ila_jax.protocol.cells import Cell, columns, kept_cells
from ila_jax.protocol.charades import charades_map
from ila_jax.protocol.options import Folder, Options
from ila_jax.protocol.plan import EVALUATION, Run
from ila_jax.scoring.metrics import METRICS
from ila_jax.tables import Table, render

# What papers give where a clip has one class, the first in full; where it has several, mAP.
_OF_ONE_CLASS = ("top1", "top5", "macro_accuracy")


def collect(options: Options, folder: Folder, runs: Sequence[Run]) -> dict[str, Any]:
    """The measurements of all runs that are done, and of each row their mean and deviation.

    They are those in the folder, also of splits, shots and seeds that were asked for before and
    are not now; of the others, how many are not done. Videos that could not be read do not count,
    as papers measure; how many there were stands beside it. The deviation is that of a sample,
    divided by one less than the runs; None for a single one.
    """
    cells = _finished(folder) | {run.folder: run.cell for run in runs}
    ordered = sorted(cells.items(), key=lambda item: item[1].place)
    names = columns([cell for _, cell in ordered])
    measured = [
        _measured(path, cell, name)
        for (path, cell), name in zip(ordered, names, strict=True)
        if finished(path / EVALUATION)
    ]
    by_clips = sorted(cells.values(), key=lambda cell: cell.clips)
    planned = Counter(cell.row for cell in by_clips)
    return {
        "protocol": options.protocol,
        "data": options.source,
        "weights": options.weights,
        "views": [options.clips, options.crops],
        "runs": measured,
        "rows": [
            _row(row, [m for m in measured if m["row"] == row], count)
            for row, count in planned.items()
        ],
    }


def _finished(folder: Folder) -> dict[Path, Cell]:
    """The runs that are done, whether they are asked for now or were before, by their folders."""
    kept = kept_cells(folder.path)
    return {path: cell for path, cell in kept.items() if finished(path / EVALUATION)}


def _measured(folder: Path, cell: Cell, column: str) -> dict[str, Any]:
    result = read_result(folder / EVALUATION)
    return {
        "row": cell.row,
        "column": column,
        "folder": str(folder),
        "videos": result["videos"],
        "metrics": {"map": charades_map(folder / EVALUATION)}
        if cell.several_labels
        else {name: result[name]["decoded"]["value"] for name in _OF_ONE_CLASS},
    }


def _row(row: str, measured: Sequence[dict[str, Any]], runs: int) -> dict[str, Any]:
    """A row of the table, also of runs of which none is done yet. runs: how many there are."""
    names = measured[0]["metrics"] if measured else ()
    values = {name: [m["metrics"][name] for m in measured] for name in names}
    return {
        "row": row,
        "runs": runs,
        "done": len(measured),
        "metrics": {
            name: {
                "mean": statistics.fmean(v),
                "deviation": statistics.stdev(v) if len(v) > 1 else None,
            }
            for name, v in values.items()
        },
    }


def table(results: dict[str, Any]) -> Table:
    """The results as people read them: a column for each run, then the means."""
    measured, rows = results["runs"], results["rows"]
    runs = list(dict.fromkeys(m["column"] for m in measured))
    names = list(measured[0]["metrics"]) if measured else []
    # The means alone say all of a single run.
    runs = runs if len(runs) > 1 else []
    cell = {(m["row"], m["column"]): f"{100 * m['metrics'][names[0]]:.1f}" for m in measured}
    cells = [
        [
            row["row"],
            *(cell.get((row["row"], column), "–") for column in runs),
            *(_mean(row["metrics"].get(name)) for name in names),
        ]
        for row in rows
    ]
    header = ["", *runs, *(METRICS[name].title for name in names)]
    data, views = results["data"].partition(":")[0], " × ".join(map(str, results["views"]))
    title = f"{data}, {results['protocol']}, {views} views, in percent"
    return Table(title, header, cells, _notes(results))


def _mean(value: dict[str, Any] | None) -> str:
    if value is None:
        return "–"
    mean, deviation = value["mean"], value["deviation"]
    return f"{100 * mean:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def _notes(results: dict[str, Any]) -> list[str]:
    """What the table does not show by itself, in sentences."""
    notes = []
    if any(row["done"] > 1 for row in results["rows"]):
        notes.append(
            "Mean ± standard deviation of the runs, divided by one less than their number."
        )
    if any("map" in row["metrics"] for row in results["rows"]):
        notes.append(
            "mAP is of the videos that have an action, as Charades' own program has it; the page "
            "of an evaluation counts the others as well."
        )
    planned = sum(row["runs"] for row in results["rows"])
    missing = planned - len(results["runs"])
    if missing:
        notes.append(f"{missing} of {planned} runs are not done yet.")
    listed, decoded = (sum(m["videos"][k] for m in results["runs"]) for k in ("listed", "decoded"))
    if decoded < listed:
        notes.append(
            f"{listed - decoded} of {listed} videos could not be read, and are not counted."
        )
    return notes


def publish(folder: Folder, results: dict[str, Any]) -> None:
    """Writes the results as JSON, and their table as Markdown. Errors: OSError."""
    publish_text(folder.results, json_text(results, indent=1))
    publish_text(folder.table, render([table(results)], markdown=True) + "\n")

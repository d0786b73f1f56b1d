"""The report of a comparison: its tables and values, from the files of the runs that are done."""

from collections.abc import Sequence
from pathlib import Path

from ila_jax.compare import alignment_of_runs, comparison, figure
from ila_jax.compare.comparison import Finished
from ila_jax.compare.report_tables import accuracies, alignment, classes, replaced_masks
from ila_jax.compare.runs import TrainingRun
from ila_jax.cost.measure import machine
from ila_jax.files.arrays import read_arrays
from ila_jax.files.json_files import json_text
from ila_jax.files.publish import publish_text
from ila_jax.tables import render


def write(runs: Sequence[TrainingRun], folder: Path) -> str:
    """Writes report.md, report.json and report.png of the runs that are done; returns the tables.

    Errors: ValueError where none is done.
    """
    done = [run for run in runs if run.is_done]
    if not done:
        raise ValueError(f"none of the {len(runs)} runs in {folder} is done: there is no report")
    rows = comparison.rows([_finished(run) for run in done], done[0].config.model)
    tables = [accuracies(rows), alignment(rows), replaced_masks(rows), classes(rows)]
    about = _about(runs, done)
    publish_text(folder / "report.md", f"{about}\n\n{render(tables, markdown=True)}\n")
    values = {"about": about, "rows": comparison.as_json(rows)}
    publish_text(folder / "report.json", json_text(values, indent=2))
    figure.draw(rows, folder / "report.png")
    return f"{render(tables, markdown=False)}\n\n{about}\nwritten: {folder}/report.md, .json, .png"


def _finished(run: TrainingRun) -> Finished:
    return Finished(
        comparison.read(run.result),
        comparison.read_clips(run.clips),
        alignment_of_runs.read(run.measures),
        read_arrays(run.replaced_masks),
    )


def _about(runs: Sequence[TrainingRun], done: Sequence[TrainingRun]) -> str:
    """What was trained, and where."""
    train = runs[0].config.train
    length = f"{train.steps} steps" if train.epochs is None else f"{train.epochs:g} epochs"
    missing = "" if len(done) == len(runs) else f"; {len(runs) - len(done)} of them are missing"
    return (
        f"{len(runs)} runs; by steps {length} of {train.batch} clips each{missing}; reported on "
        f"{machine()}"
    )

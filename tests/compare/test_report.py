"""The report is of the runs that are done, and says how many are not."""

import json

import pytest

from ila_jax.compare import comparison, report, report_tables
from ila_jax.compare.runs import Setting
from ila_jax.files.arrays import publish_arrays
from tests.compare.made_up import finished, planned


def leave(run, right):
    """Writes what a finished run leaves."""
    made_up = finished(run.method, run.positions, run.seed, right, steps=run.config.train.steps)
    run.workdir.mkdir(parents=True)
    comparison.write(made_up.outcome, run.result)
    comparison.write_clips(made_up.clips, run.clips)
    arrays = {
        f"masks/1/{name}": values for name, values in made_up.measures["masks", 1]._asdict().items()
    }
    publish_arrays(run.measures, arrays)
    publish_arrays(run.replaced_masks, made_up.replaced)


def test_a_report_is_of_the_runs_that_are_done(tmp_path):
    runs = planned("--methods", "ila,ata", "--positions", "with", "--seeds", "2", folder=tmp_path)
    with pytest.raises(ValueError, match=f"none of the 4 runs in {tmp_path} is done"):
        report.write(runs, tmp_path)
    for run, right in zip(runs[:3], (6, 2, 4), strict=True):
        leave(run, right)
    assert [run.is_done for run in runs] == [True, True, True, False]
    words = report.write(runs, tmp_path)
    assert f"written: {tmp_path}/report.md, .json, .png" in words
    text = (tmp_path / "report.md").read_text()
    assert text.startswith("4 runs; by steps 1600 steps of ")
    assert "clips each; 1 of them are missing; reported on" in text
    assert (tmp_path / "report.png").exists()
    rows = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert {row["method"]: [o["order"]["forward"] for o in row["outcomes"]] for row in rows} == {
        "ila": [0.75, 0.5],
        "ata": [0.25],
    }


def test_by_arithmetic_others_are_held_against_the_run_of_ila_by_steps():
    """It has no run of its own: its steps are those that the arithmetic is counted by."""
    by_arithmetic = Setting("middle", "arithmetic")
    made_up = [
        finished(method, True, seed, right, setting)
        for seed in range(2)
        for method, right, setting in (
            ("ila", 6, Setting()), ("ata", 2, Setting()), ("ata", 4, by_arithmetic),
        )
    ]  # fmt: skip
    rows = comparison.rows(made_up, planned("--methods", "ila")[0].config.model)
    differences = {
        setting: {
            method: estimate.value
            for method, (estimate, _) in report_tables.against_reference(rows, setting).items()
        }
        for setting in (Setting(), by_arithmetic)
    }
    assert differences == {Setting(): {"ata": -0.5}, by_arithmetic: {"ata": -0.25}}
    others = [row for row in rows if row.method != "ila"]
    assert report_tables.against_reference(others, Setting()) == {}

"""The comparison: real small runs, a restart that repeats nothing, and a report by hand."""

import json
import statistics

import pytest

from ila_jax.compare import __main__ as compare
from ila_jax.compare import comparison
from ila_jax.compare.comparison import Outcome
from ila_jax.config import from_config, read_config
from ila_jax.cost.countings import METHODS
from ila_jax.models import model
from ila_jax.scoring.time_order import TimeOrder
from tests.train import runs


def outcome(method, positions, seed, forward):
    per_class = {"moving left": forward, "moving right": None}
    order = TimeOrder(forward=forward, to_partner=0.5, shuffled=0.25, per_class=per_class)
    return Outcome(method, positions, seed, order, 100.0 + seed)


@pytest.mark.parametrize("method", compare._METHODS)
def test_each_method_is_a_configuration(method):
    config = from_config(read_config(f"{runs.ROOT}/configs/ablation.py:{method}"))
    assert config.model.temporal == METHODS[method].temporal
    assert config.model.convolutions == METHODS[method].convolutions
    assert model.abstract(config.model).params["mit"].keys() == {"block", "positions"}


def test_without_positions_there_is_no_parameter_for_them():
    changed = [("model.mit_positions", False)]
    config = from_config(read_config(f"{runs.ROOT}/configs/ablation.py:ila", changed))
    assert model.abstract(config.model).params["mit"].keys() == {"block"}


def test_rows_are_means_over_seeds_in_the_order_of_the_table():
    found = comparison.rows(
        [
            outcome("ila", True, 0, 0.75),
            outcome("spatial", False, 0, 0.5),
            outcome("ila", True, 1, 0.5),
        ],
        from_config(read_config(f"{runs.ROOT}/configs/ablation.py:ila")).model,
    )
    assert [(row.method, row.positions) for row in found] == [("spatial", False), ("ila", True)]
    ila = found[1]
    assert ila.of("forward") == [0.75, 0.5]
    assert ila.per_class() == {"moving left": 0.625, "moving right": None}
    assert ila.clips_per_second == statistics.median([100.0, 101.0])
    assert found[0].new_parameters == 0 < ila.new_parameters
    accuracies, classes = comparison.tables(found)
    assert accuracies.cells[1][2:5] == ["62.5 (50.0 to 75.0)", "50.0 (50.0 to 50.0)",
                                        "25.0 (25.0 to 25.0)"]  # fmt: skip
    assert classes.cells[0][2:] == ["50", "–"]


def test_an_outcome_is_written_whole_and_read_back(tmp_path):
    before = outcome("ata", False, 2, 0.5)
    comparison.write(before, tmp_path / "result.json")
    assert comparison.read(tmp_path / "result.json") == before
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def arguments(workdir, data, steps=2):
    small = {k: v for k, v in runs.SMALL.items() if k != "evaluation.time_order"} | data
    changed = small | {"train.steps": steps, "optimizer.warmup_epochs": 0}
    changed |= {"train.checkpoint_every": 1, "train.evaluate_every": 2}
    given = ["--workdir", str(workdir), "--seeds", "1", "--methods", "spatial"]
    given += ["--config", f"{runs.ROOT}/configs/ablation.py"]
    return [*given, *(f"--config.{key}={value}" for key, value in changed.items())]


@pytest.mark.slow
def test_runs_that_are_done_are_kept_and_the_rest_is_made_up_for(tmp_path, pairs, capsys):
    workdir = tmp_path / "comparison"
    assert compare.main(arguments(workdir, pairs)) == 0
    (with_positions,) = (workdir / "spatial").iterdir()
    (without,) = (workdir / "spatial_no_positions").iterdir()
    report = json.loads((workdir / "report.json").read_text())
    assert [row["positions"] for row in report["rows"]] == [True, False]
    assert (workdir / "report.png").stat().st_size > 10_000
    metrics = (with_positions / "metrics.jsonl").read_text()
    (without / "result.json").unlink()
    (workdir / "report.md").unlink()
    capsys.readouterr()
    assert compare.main(arguments(workdir, pairs)) == 0
    out, err = capsys.readouterr()
    assert err.count("all 2 steps are done") == 1
    assert (with_positions / "metrics.jsonl").read_text() == metrics
    assert json.loads((workdir / "report.json").read_text()) == report
    assert "Spatial attention  no" in out

    assert compare.main(arguments(workdir, pairs, steps=4)) == 1
    assert "train.steps: 2, 4" in capsys.readouterr().err


def test_what_cannot_be_compared_is_told_in_words(tmp_path, capsys):
    given = ["--workdir", str(tmp_path), "--config", f"{runs.ROOT}/configs/ablation.py"]
    for wrong, words in {
        ("--methods", "ila,slowfast"): "unknown 'slowfast'",
        ("--seeds", "0"): "--seeds is 0: expected at least 1",
        ("--config.data.motion_pairs=None",): "data.motion_pairs",
        ("--config", "nowhere.py"): "'nowhere.py' is no configuration",
    }.items():
        assert compare.main([*given, *wrong]) == 1
        assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

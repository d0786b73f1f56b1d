"""What a run writes of its validations."""

import json
from pathlib import Path

import numpy as np
import pytest

import ila_jax
from ila_jax.config import from_config
from ila_jax.evaluate.subject import open_subject
from ila_jax.scoring.metrics import METRICS, Metric
from ila_jax.train.__main__ import main
from ila_jax.train.start import check_run
from ila_jax.train.validate import out_of_patience
from ila_jax.weights.calibration import calibration_file, write_calibration
from ila_jax.weights.digest import digest
from ila_jax.weights.run import best_step
from tests.train import runs


def test_a_metric_of_the_table_comes_out_of_a_run(tmp_path, pairs, monkeypatch, capsys):
    """Also of the average of the weights; a row is all that it takes."""
    right = Metric("probability of the label", lambda p, label: p[np.arange(len(p)), label].mean())
    monkeypatch.setitem(METRICS, "right", right)
    overrides = pairs | {
        "model.temporal": "spatial",
        "train.steps": 2,
        "train.evaluate_every": 2,
        "optimizer.warmup_epochs": 0,
        "train.ema": 0.9,
    }
    assert main(runs.arguments(tmp_path / "run", overrides)) == 0
    validation = runs.entries(tmp_path / "run")[-1]
    # After two steps of noise no class of the eight stands out.
    assert validation["val/right"] == pytest.approx(1 / 8, abs=0.05)
    assert validation["val/ema_right"] == pytest.approx(1 / 8, abs=0.05)
    assert validation["val/right"] != validation["val/ema_right"]
    err = capsys.readouterr().err
    assert f"probability of the label {validation['val/right']:.1%}" in err
    assert "caution: The 16 validation videos are few" in err
    assert "caution: 8 of 8 classes have fewer than 10 training clips" in err
    assert 0 <= runs.entries(tmp_path / "run")[0]["train/top1"] <= 1
    _check_course_is_told(tmp_path / "run")
    _check_temperature_is_of_one_checkpoint(tmp_path / "run", step=2)


def _check_temperature_is_of_one_checkpoint(run: Path, *, step: int) -> None:
    """Here, where there is a run already: a training of its own would take long."""
    variables = ila_jax.load(run).variables
    path = calibration_file(run, step)
    write_calibration(path, digest(variables), {"temperature": 1.5})
    assert ila_jax.load(f"{run}@{step}").temperature == ila_jax.load(run).temperature == 1.5
    path.rename(calibration_file(run, step + 1))
    assert ila_jax.load(run).temperature is None


def _check_course_is_told(run: Path) -> None:
    """Evaluations of a run know its course; here, where there is a run already."""
    metrics = run / "metrics.jsonl"
    before = metrics.read_text()
    course = [(1, 0.3, 0.9), (2, 0.9, 0.1)]
    metrics.write_text(
        "".join(
            json.dumps({"step": step, "train/top1": train}) + "\n"
            + json.dumps({"step": step, "val/top1": validation, "val/videos": 16}) + "\n"
            for step, train, validation in course
        )
    )  # fmt: skip
    config = from_config(json.loads((run / "config.json").read_text()))
    (sentence,) = open_subject(config, str(run)).cautions_of_training()
    assert sentence.startswith("Train accuracy leaves validation behind: since step 1")
    metrics.write_text(before)
    assert open_subject(config, str(run)).cautions_of_training() == []


@pytest.mark.parametrize(
    ("scores", "ended"),
    [
        ([], False),
        ([0.5, 0.5], False),
        ([0.5, 0.5, 0.4], True),
        ([0.5, 0.4, 0.6, 0.6], False),
        ([0.5, 0.4, 0.6, 0.6, 0.5], True),
        ([0.5, 0.3, 0.4], True),  # better than the last, and not than the best
    ],
)
def test_patience_ends_where_two_validations_are_no_better_than_the_best_before(scores, ended):
    assert out_of_patience(scores, 2) == ended
    assert not out_of_patience(scores, None)


def test_a_run_ends_early_and_is_done(tmp_path, pairs, monkeypatch, capsys):
    """Its best checkpoint is the best by the metric that is named."""
    scores, asked = iter([0.2, 0.3, 0.3, 0.1]), {}

    def score(probabilities, labels):
        # A validation asks several times.
        if (key := probabilities.tobytes()) not in asked:
            asked[key] = next(scores)
        return asked[key]

    monkeypatch.setitem(METRICS, "macro_f1", Metric("macro-F1", score))
    overrides = pairs | {
        "model.temporal": "spatial",
        "train.steps": 12,
        "train.evaluate_every": 2,
        "optimizer.warmup_epochs": 0,
        "train.best_metric": "macro_f1",
        "train.patience": 2,
    }
    run = tmp_path / "run"
    assert main(runs.arguments(run, overrides)) == 0
    message = "ended at step 8 of 12: macro-F1 was no better than before in 2 validations in a row"
    err = capsys.readouterr().err
    assert message in err
    assert "caution: The 16 validation videos are few" in err
    assert "val/class/moving left" in runs.entries(run)[-1]
    assert best_step(run / "checkpoints" / "best") == 6  # of equal ones the latest
    assert main(runs.arguments(run, overrides)) == 0
    assert message in capsys.readouterr().err  # without training
    assert runs.entries(run)[-1]["step"] == 8
    check_run(run, runs.config(overrides | {"train.patience": 3}))  # and may go on with more

"""What a run writes of its validations."""

import numpy as np
import pytest

from ila_jax.scoring.metrics import METRICS, Metric
from ila_jax.train.__main__ import main
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
    assert f"probability of the label {validation['val/right']:.1%}" in capsys.readouterr().err

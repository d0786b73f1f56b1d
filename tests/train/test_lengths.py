"""A run whose length is in epochs and whose classes are balanced: what it does and goes on with."""

import json
import shutil

import pytest

from ila_jax.config import in_steps
from ila_jax.train.__main__ import main
from tests.train import runs

# 64 videos in batches of 8: an epoch is 8 steps.
EPOCHS = {
    "train.steps": 0, "train.epochs": 1.5, "train.checkpoint_every": 0,
    "train.checkpoint_every_epochs": 0.5, "train.evaluate_every": 0,
    "train.evaluate_every_epochs": 1, "train.class_balance": "sampling",
}  # fmt: skip


def test_lengths_in_epochs_become_steps():
    config = runs.config(EPOCHS)
    train = in_steps(config, 8).train
    assert (train.steps, train.checkpoint_every, train.evaluate_every) == (12, 4, 8)
    assert (train.log_every, train.epochs) == (config.train.log_every, None)
    assert in_steps(config, 1).train.checkpoint_every == 1  # half a step is none
    resolved = in_steps(config, 8)
    assert in_steps(resolved, 100) == resolved


def test_an_average_over_epochs_reaches_as_many_steps_back():
    config = runs.config({"train.ema_epochs": 2.5})
    resolved = in_steps(config, 8)
    assert (resolved.train.ema, resolved.train.ema_epochs) == (0.95, None)  # 20 steps
    assert in_steps(resolved, 100) == resolved
    assert in_steps(config, 0).train.ema == 0.5
    assert in_steps(runs.config({}), 8).train.ema == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train.ema_epochs": 0}, r"train.ema_epochs: expected positive, or None, found 0"),
        ({"train.ema_epochs": 1, "train.ema": 0.9}, r"train.ema: expected 0, as train.ema_epochs"),
        ({"train.epochs": 3}, r"train.steps: expected 0, as train.epochs is given, found 200"),
        ({"train.steps": 0}, r"train.steps: expected positive, found 0"),
        ({"train.steps": 0, "train.epochs": 0}, r"train.epochs: expected positive, found 0"),
        ({"train.class_balance": "some"}, r"train.class_balance: expected"),
    ],
)
def test_a_length_is_given_once(values, message):
    with pytest.raises(ValueError, match=message):
        runs.config(values)


@pytest.mark.slow
def test_a_run_in_epochs_goes_on_where_it_was_and_is_made_longer(tmp_path, pairs, capsys):
    assert main(runs.arguments(tmp_path / "run", pairs | EPOCHS)) == 0
    whole = runs.entries(tmp_path / "run")
    assert [entry["step"] for entry in whole if "val/top1" in entry] == [8, 12]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["train"]["epochs"] == 1.5
    # As after a kill in the last epoch.
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "latest" / "12")
    assert main(runs.arguments(tmp_path / "run", pairs | EPOCHS)) == 0
    again = runs.entries(tmp_path / "run")
    assert [runs_apart(entry) for entry in again] == [runs_apart(entry) for entry in whole]
    capsys.readouterr()
    assert main(runs.arguments(tmp_path / "run", pairs | EPOCHS | {"train.epochs": 2})) == 0
    assert "train.steps was 12 and is 16" in capsys.readouterr().err


def runs_apart(entry):
    """An entry of the metrics without what the clock says."""
    return {key: value for key, value in entry.items() if not key.startswith("time")}

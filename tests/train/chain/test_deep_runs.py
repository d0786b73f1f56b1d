"""Whole runs of a model of eight blocks, whose step is a chain of programs on a CPU."""

import shutil

import pytest

from ila_jax.train.__main__ import main
from tests.train import runs

pytestmark = pytest.mark.slow

DEEP = {
    "model.shape": runs.SMALL["model.shape"] | {"depth": 8},
    "model.temporal": "divided",
    "train.steps": 4,
    "train.checkpoint_every": 2,
    "train.evaluate_every": 4,
    "train.ema": 0.9,
}


def test_a_run_goes_on_bit_for_bit(pairs, tmp_path):
    overrides = pairs | DEEP
    assert main(runs.arguments(tmp_path / "one", overrides)) == 0
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    # As a kill before the last checkpoint leaves it.
    shutil.rmtree(tmp_path / "other" / "checkpoints" / "latest" / "4")
    shutil.rmtree(tmp_path / "other" / "checkpoints" / "best")
    assert main(runs.arguments(tmp_path / "other", overrides)) == 0
    assert runs.differences(tmp_path / "one", tmp_path / "other") == []


def test_one_process_and_two_train_to_the_same(pairs, tmp_path, cache):
    overrides = pairs | DEEP | {"train.accumulation": 2, "train.batch": 16, "mesh.fsdp": 2}
    runs.finish(runs.start(tmp_path / "one", overrides, cache=cache, devices=4))
    for process in runs.start_two(tmp_path / "two", overrides, cache=cache, devices=2):
        runs.finish(process)
    one, two = (
        [entry["train/loss"] for entry in runs.entries(tmp_path / name) if "train/loss" in entry]
        for name in ("one", "two")
    )
    assert len(one) == DEEP["train.steps"]
    assert two == pytest.approx(one, rel=1e-5)

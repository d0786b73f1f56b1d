"""One run in two real processes is the run that one process makes."""

import signal

import jax
import numpy as np
import pytest
import tqdm.std

from ila_jax.job.processes import connect, measure_from, progress_bar
from tests.train import runs

SHORT = {
    "model.precision": "float64",
    "train.steps": 20,
    "train.checkpoint_every": 10,
    "train.evaluate_every": 20,
    "optimizer.warmup_epochs": 1,
}


def losses(workdir):
    return {e["step"]: e["train/loss"] for e in runs.entries(workdir) if "train/loss" in e}


def finish(processes):
    said = [runs.finish(process) for process in processes]
    assert "step/s" not in said[1]  # one bar
    assert "top-1" not in said[1]


def same(workdir, expected):
    assert losses(workdir).keys() == losses(expected).keys() == set(range(1, 21))
    for step, loss in losses(expected).items():
        assert losses(workdir)[step] == pytest.approx(loss, abs=1e-9, rel=0), step
    one, other = runs.final_state(workdir), runs.final_state(expected)
    assert one.keys() == other.keys()
    for path, value in one.items():
        np.testing.assert_allclose(value, other[path], atol=1e-7, err_msg=path)


def test_a_process_that_waits_for_others_says_so(monkeypatch, capsys):
    """Only the first, and of several: jax waits for minutes without a word."""
    monkeypatch.setattr(jax.distributed, "initialize", lambda *_, **__: None)
    for count, index in ((1, 0), (2, 1), (None, None)):
        connect("node6:7777", count, index)
    connect(None, 2, 0)
    assert capsys.readouterr().err == ""
    connect("node6:7777", 2, 0)
    assert "waiting for all 2 processes at node6:7777: if one has" in capsys.readouterr().err


def test_the_remaining_time_does_not_count_the_compilation(monkeypatch):
    """Steps 4 to 103: four minutes of compilation in the first, then ten seconds a step."""
    clock = [0.0]
    monkeypatch.setattr(tqdm.std, "time", lambda: clock[0])
    with progress_bar(3, 103, "step") as bar:
        clock[0] = 240.0
        measure_from(bar, 4)
        assert "4/103 [00:00<?" in str(bar)
        clock[0] = 250.0
        bar.update()
        assert "5/103 [00:10<16:20, 10.00s/step" in str(bar)  # 98 steps are left


def test_two_processes_equal_one_and_stop_together(tmp_path, pairs, cache):
    """20 steps in float64; SIGTERM to the second alone stops both, and one goes on from there."""
    one, two = tmp_path / "one", tmp_path / "two"
    short = pairs | SHORT | {"model.temporal": "spatial"}  # compiles in a third of ILA's time
    runs.finish(runs.start(one, short, cache=cache))
    processes = runs.start_two(two, short, cache=cache, devices=2)
    runs.wait_for_step(processes[0], two, 4)
    processes[1].send_signal(signal.SIGTERM)
    first, second = (runs.finish(process) for process in processes)
    assert "stopped at step" in first
    assert "saved" not in second
    assert "the first step is compiled" in first
    assert "compiled" not in second
    assert 4 <= max(losses(two)) < 20
    runs.finish(runs.start(two, short, cache=cache))
    same(two, one)


@pytest.mark.slow
@pytest.mark.parametrize("fsdp", [1, 8])
def test_two_processes_of_four_devices_equal_one_of_eight_and_one_of_one(
    tmp_path, pairs, cache, fsdp
):
    """Each also goes on from a checkpoint of the other."""
    overrides = pairs | SHORT
    one, eight, two = (tmp_path / name for name in ("one", "eight", "two"))
    split = overrides | {"mesh.fsdp": fsdp}
    runs.finish(runs.start(one, overrides, cache=cache))
    runs.finish(runs.start(eight, split, cache=cache, devices=8))
    finish(runs.start_two(two, split, cache=cache, devices=4))
    same(eight, one)
    same(two, one)
    longer = {"train.steps": 30, "initial.scratch": False}
    for name, source in (("from_two", two), ("from_eight", eight)):
        resumed = overrides | longer | {"initial.resume": str(source)}
        runs.finish(runs.start(tmp_path / name, resumed, cache=cache))
    resumed = split | longer | {"initial.resume": str(one)}
    finish(runs.start_two(tmp_path / "from_one", resumed, cache=cache, devices=4))
    states = [runs.final_state(tmp_path / f"from_{name}") for name in ("two", "eight", "one")]
    for other in states[1:]:
        assert jax.tree.all(
            jax.tree.map(lambda a, b: np.allclose(a, b, atol=1e-7), states[0], other)
        )

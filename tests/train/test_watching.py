"""What a run says of itself: where its time goes, how much of the devices it uses, a trace."""

import os
import subprocess
import sys
from types import SimpleNamespace

import jax
import pytest

from ila_jax.data.sources.mirror import mirror_table
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.train import loop, meter, profiled_steps, weights_and_biases
from ila_jax.train.recipe import make_recipe
from ila_jax.train.step import StepOutput
from tests.train import runs


class Clock:
    """Seconds that pass only when a test says so; of them, those that the thread works."""

    def __init__(self):
        self.now = self.worked = 0.0

    def lasts(self, seconds, result=None, *, worked=0.0):
        self.now += seconds
        self.worked += worked
        return result


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(meter.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(meter.time, "thread_time", lambda: clock.worked)
    return clock


def test_time_is_split_into_data_host_and_device(clock, monkeypatch):
    monkeypatch.setattr(meter.jax, "block_until_ready", lambda outputs: clock.lasts(0.02, outputs))
    watch = meter.Meter(batch=8, peak=800.0)
    batches = (clock.lasts(0.03, number, worked=0.005) for number in range(5))
    for number in watch.fetched(batches):
        clock.lasts(0.01, worked=0.002)  # the host, which waits for a core most of the time
        before = watch.stepped(number)
        assert before == (number - 1 if number else None)
        with watch.paused():
            clock.lasts(7.0, worked=3.0)  # a validation
    rates = watch.rates()
    # Four steps after the first: 10 ms on the host, 20 for the device, 30 for data.
    assert {name: pytest.approx(value) for name, value in rates.items()} == {
        "step_ms": 65.0,  # the one before the first is waited for as well
        "host_ms": 10.0,
        "host_cpu_ms": 2.0,
        "device_ms": 25.0,
        "data_ms": 30.0,
        "data_wait": 30 / 65,
        "clips_per_second": 8 / 0.065,
        "mfu": 8 / 0.065 / 800,
    }
    assert watch.rates() == {}


def recipe(changed):
    config = runs.config(changed)
    return make_recipe(config, mirror=mirror_table(CLASSES), steps_per_epoch=8)


def test_the_rate_at_the_devices_peak_is_told_or_unknown():
    assert meter.peak_clips_per_second(recipe({})) is None  # a CPU
    told = {"train.peak_tflops": 2.0}
    slow, fast = (
        meter.peak_clips_per_second(recipe({"train.peak_tflops": rate})) for rate in (1.0, 2.0)
    )
    assert fast == 2 * slow
    frozen = meter.peak_clips_per_second(recipe(told | {"optimizer.groups": "ssv2"}))
    assert frozen > fast  # fewer operations a clip


@pytest.mark.parametrize(
    ("text", "steps"),
    [("3", range(13, 16)), ("12:12", range(12, 13)), ("100:104", range(100, 105))],
)
def test_steps_to_trace(text, steps):
    assert profiled_steps.parse_profiled_steps(text).steps(done=10) == steps


@pytest.mark.parametrize("text", ["0", "5:4", "0:3", "-2", "a", "1:2:3", ""])
def test_steps_that_are_none(text):
    with pytest.raises(ValueError, match=r"--profile is .*: expected a number of steps"):
        profiled_steps.parse_profiled_steps(text)


def test_weights_and_biases_are_asked_for_by_name(monkeypatch):
    weights_and_biases.check(None)
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setattr(weights_and_biases.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'ila-jax\[wandb\]'"):
        weights_and_biases.check("ila")


OFFLINE = """
import sys
from pathlib import Path
from ila_jax.train.weights_and_biases import Board
from ila_jax.train.writer import Writer
workdir = Path(sys.argv[1])
board = Board("ila", workdir, {"train": {"steps": 2}})
writer = Writer(workdir, resumed_at=int(sys.argv[2]), board=board)
writer.write(int(sys.argv[2]) + 1, {"train/loss": 0.625})
writer.close()
"""


@pytest.mark.slow
def test_metrics_go_to_weights_and_biases_offline(tmp_path):
    pytest.importorskip("wandb", reason="the extra [wandb] is not installed")
    for at in ("0", "1"):  # a run, and the same going on
        subprocess.run(
            [sys.executable, "-c", OFFLINE, str(tmp_path), at],
            cwd=runs.ROOT,
            env=os.environ | {"WANDB_MODE": "offline"},
            check=True,
            timeout=120,
        )
    identity = (tmp_path / "wandb" / "id").read_text()
    files = sorted((tmp_path / "wandb").rglob(f"run-{identity}.wandb"))
    assert len(files) == 2
    for file in files:
        assert b"train/loss" in file.read_bytes()
        assert b"0.625" in file.read_bytes()


def test_no_step_is_followed_by_work_on_the_device(monkeypatch):
    """An array's own `any` would compute there, behind the step that runs, and wait for it."""
    rows = {name: jax.numpy.zeros(4, bool).at[1].set(True) for name in ("bad", "stop")}
    monkeypatch.setattr(type(rows["stop"]), "any", lambda *_: pytest.fail("on the device"))
    monkeypatch.setattr(loop, "_check_finite", lambda *_: None)
    config = SimpleNamespace(train=SimpleNamespace(max_skipped=0))
    dataset = SimpleNamespace(train=None)
    run = SimpleNamespace(config=config, dataset=dataset, list_bad=lambda *_: None)
    assert loop._read_output(run, 1, StepOutput({}, rows)) is True

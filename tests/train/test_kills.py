"""Kills at random moments, sixty of them: what is left ends bit-equal to the undisturbed run."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ila_jax.weights import checksums
from tests.train import runs

pytestmark = pytest.mark.slow

KILLS, STOPS = 60, 10
# Most of the time some save is under way.
OFTEN = {"train.checkpoint_every": 4, "train.evaluate_every": 10}
MOMENTS = ("at any time", "after some steps", "while saving")


@pytest.fixture(scope="module")
def often(tmp_path_factory, pairs, cache):
    """Folder of an undisturbed run that saves often."""
    run = tmp_path_factory.mktemp("often") / "run"
    began = time.monotonic()
    runs.finish(runs.start(run, pairs | OFTEN, cache=cache))
    began = time.monotonic()  # the one before has compiled
    runs.finish(runs.start(run, pairs | OFTEN, cache=cache))
    return run, time.monotonic() - began


def test_sixty_kills_lose_nothing(tmp_path, pairs, cache, often):
    undisturbed, start_takes = often
    draw, kills, folders, saving = random.Random(0), 0, 0, 0
    while kills < KILLS:
        folders += 1
        run, over = tmp_path / str(folders), False
        while not over:
            began, process = time.time(), runs.start(run, pairs | OFTEN, cache=cache)
            if kills < KILLS:
                _wait_until(MOMENTS[kills % 3], process, run, draw, start_takes)
                process.kill()
            err = process.communicate(timeout=600)[1]
            over = process.returncode == 0
            assert over or process.returncode == -signal.SIGKILL, err
            assert "warning" not in err, err  # no whole checkpoint is ever passed over
            kills += not over
            saving += not over and any(
                mark.stat().st_mtime > began for mark in run.glob("checkpoints/*/*.saving")
            )
        assert runs.differences(run, undisturbed) == []
    print(f"{kills} kills, {saving} of them during a save, of {folders} runs")
    assert saving >= KILLS // 4


def test_ten_stops_are_ten_clean_saves(tmp_path, pairs, cache, often):
    undisturbed, _ = often
    draw, run = random.Random(1), tmp_path / "run"
    for _ in range(STOPS):
        process = runs.start(run, pairs | OFTEN, cache=cache)
        _wait_until("after some steps", process, run, draw, 0)
        process.send_signal(signal.SIGTERM)
        said = runs.finish(process)
        step = said.split("stopped and saved at step ")[1].split(":")[0]
        assert checksums.damage(run / "checkpoints" / "latest" / step) is None
        assert not list(run.glob("checkpoints/*/*.saving"))
        assert not list(run.glob("checkpoints/*/*tmp*"))
    runs.finish(runs.start(run, pairs | OFTEN, cache=cache))
    assert runs.differences(run, undisturbed) == []


def _wait_until(
    moment: str,
    process: subprocess.Popen,
    run: Path,
    draw: random.Random,
    start_takes: float,
) -> None:
    """Returns then, or when the process has ended."""
    deadline = time.monotonic() + draw.uniform(0, start_takes)
    step = _last_step(run) + draw.randint(1, 12)
    marked = set(run.glob("checkpoints/*/*.saving"))  # left by the kill before
    reached: dict[str, Callable[[], bool]] = {
        "at any time": lambda: time.monotonic() > deadline,
        "after some steps": lambda: _last_step(run) >= step,
        "while saving": lambda: bool(set(run.glob("checkpoints/*/*.saving")) - marked),
    }
    while process.poll() is None and not reached[moment]():
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.03))


def _last_step(run: Path) -> int:
    return max((int(entry["step"]) for entry in runs.entries(run)), default=0)

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

STOPS = 10
# Most of the time some save is under way. Of two processes one has to notice the other's end.
OFTEN = {"train.checkpoint_every": 4, "train.evaluate_every": 10, "train.hang_limit": 30}
STEPS, SAVING, ANY = "after some steps", "while saving", "at any time"


def _start(processes: int, run: Path, pairs: dict, cache: Path) -> list[subprocess.Popen]:
    if processes == 1:
        return [runs.start(run, pairs | OFTEN, cache=cache)]
    return runs.start_two(run, pairs | OFTEN, cache=cache, devices=1)


@pytest.fixture(scope="module")
def undisturbed_of(tmp_path_factory, pairs, cache):
    """Folder of an undisturbed run that saves often, and how long it takes; by its processes."""
    made: dict[int, tuple[Path, float]] = {}

    def of(processes: int) -> tuple[Path, float]:
        if processes not in made:
            for name in ("compiles", "run"):
                began, run = time.monotonic(), tmp_path_factory.mktemp("often") / name
                for process in _start(processes, run, pairs, cache):
                    runs.finish(process)
            made[processes] = run, time.monotonic() - began
        return made[processes]

    return of


# At any time includes before the two have met, when JAX waits for five minutes.
@pytest.mark.parametrize(
    ("processes", "kills", "moments"), [(1, 60, (ANY, STEPS, SAVING)), (2, 20, (STEPS, SAVING))]
)
def test_kills_lose_nothing(tmp_path, pairs, cache, undisturbed_of, processes, kills, moments):
    undisturbed, takes = undisturbed_of(processes)
    draw, killed, folders, saving = random.Random(0), 0, 0, 0
    while killed < kills:
        folders += 1
        run, over = tmp_path / str(folders), False
        while not over:
            began, started = time.time(), _start(processes, run, pairs, cache)
            if killed < kills:
                victim = draw.choice(started)
                _wait_until(moments[killed % len(moments)], victim, run, draw, takes)
                victim.kill()
            errors = [process.communicate(timeout=600)[1] for process in started]
            over = not any(process.returncode for process in started)
            assert over or victim.returncode == -signal.SIGKILL, errors
            assert "warning" not in "".join(errors)  # no checkpoint was damaged
            killed += not over
            saving += not over and any(
                mark.stat().st_mtime > began for mark in run.glob("checkpoints/*/*.saving")
            )
        assert runs.differences(run, undisturbed) == []
    print(f"{killed} kills, {saving} of them during a save, of {folders} runs")
    assert saving >= kills // 4


def test_ten_stops_are_ten_clean_saves(tmp_path, pairs, cache, undisturbed_of):
    undisturbed, _ = undisturbed_of(1)
    draw, run = random.Random(1), tmp_path / "run"
    for _ in range(STOPS):
        (process,) = _start(1, run, pairs, cache)
        _wait_until(STEPS, process, run, draw, 0)
        process.send_signal(signal.SIGTERM)
        said = runs.finish(process)
        step = said.split("stopped at step ")[1].split(",")[0]
        assert checksums.damage(run / "checkpoints" / "latest" / step) is None
        assert not list(run.glob("checkpoints/*/*.saving"))
        assert not list(run.glob("checkpoints/*/*tmp*"))
    runs.finish(_start(1, run, pairs, cache)[0])
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
        ANY: lambda: time.monotonic() > deadline,
        STEPS: lambda: _last_step(run) >= step,
        SAVING: lambda: bool(set(run.glob("checkpoints/*/*.saving")) - marked),
    }
    while process.poll() is None and not reached[moment]():
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.03))


def _last_step(run: Path) -> int:
    return max((int(entry["step"]) for entry in runs.entries(run)), default=0)

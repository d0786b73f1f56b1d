"""Killed ten times at random moments, from the first video to the card, it ends as undisturbed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.train import runs

pytestmark = pytest.mark.slow

KILLS = 10


def start(clips, weights, folder, recipe, cache):
    """The command in a process of its own, with one device."""
    quick = ["--epochs", "6", "--clips", "2", "--crops", "1", "--processes", "1"]
    quick += ["--config.evaluation.batch=4"]  # some parts of each stage, to be killed between
    return subprocess.Popen(
        [sys.executable, "-m", "ila_jax.finetune", str(clips), "--weights", weights,
         "--workdir", str(folder), "--recipe", recipe, *quick],
        env=os.environ | {
            "XLA_FLAGS": "",
            "PYTHONPATH": str(runs.ROOT),
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def progress(folder):
    """How far it is, whatever the machine's speed: files that are there, and steps logged."""
    # By os.walk, which passes over a folder that is removed meanwhile.
    files = sum(len(names) for _, _, names in os.walk(folder))
    return files + len(runs.entries(folder / "run"))


def finish(process):
    """Waits for a process that has to end well, however busy the machine is."""
    said = process.communicate()[1]
    assert process.returncode == 0, said


@pytest.mark.parametrize("recipe", ["full", "frozen"])
def test_ten_kills_lose_nothing(recipe, clips, weights, cache, tmp_path):
    whole, folder = tmp_path / "whole" / "work", tmp_path / "kills" / "work"
    finish(start(clips, weights, whole, recipe, cache))
    draw = random.Random(recipe)
    moments = sorted(draw.sample(range(1, progress(whole)), KILLS))
    codes = []
    for moment in moments:
        process = start(clips, weights, folder, recipe, cache)
        while process.poll() is None and progress(folder) < moment:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.05))
        process.kill()
        said = process.communicate()[1]
        # 0 where the last stages were over before anyone could look.
        assert process.returncode in (-signal.SIGKILL, 0), said
        codes.append(process.returncode)
    finish(start(clips, weights, folder, recipe, cache))
    assert codes.count(-signal.SIGKILL) >= KILLS - 2
    assert runs.differences(folder / "run", whole / "run") == []
    for name in ("split.csv", "evaluation/predictions.parquet", "card.md"):
        assert content(folder, name) == content(whole, name), name


def content(folder, name):
    """The bytes of a file, wherever the folder is: of both, the path is of the same length."""
    return (folder / name).read_bytes().replace(str(folder).encode(), b"")

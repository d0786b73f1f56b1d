"""Small runs of the real trainer on real mp4 files."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from ila_jax.config import Config, from_config, read_config
from ila_jax.data.synthetic import motion_pairs
from ila_jax.train.__main__ import main
from ila_jax.weights.checksums import LIST

ROOT = Path(__file__).parents[2]
QUICKSTART = str(ROOT / "configs" / "quickstart.py")
# 200 steps of a model of one block: some seconds, so that a signal meant for its middle arrives
# there. An epoch is 8 steps.
SMALL = {
    "model.size": "one block",
    "model.shape": {
        "patch": 4,
        "resolution": 16,
        "width": 64,
        "depth": 1,
        "embed": 64,
        "text_width": 64,
        "text_depth": 1,
    },
    "model.channels": 8,
    "train.batch": 8,
    "train.steps": 200,
    "train.log_every": 1,
    "train.checkpoint_every": 20,
    "train.evaluate_every": 100,
    "evaluation.batch": 8,
    "evaluation.time_order": False,
    "data.motion_pairs.train_clips": 64,
    "data.motion_pairs.validation_clips": 16,
}


def data(folder: Path) -> dict[str, object]:
    """Makes the videos of small runs; the overrides that point to them."""
    motion_pairs.make(folder, train_clips=64, validation_clips=16, seed=0, processes=1)
    return {
        "data.train": str(folder / "train.txt"),
        "data.validation": str(folder / "validation.txt"),
        "data.class_names": str(folder / "classes.txt"),
        "data.root": str(folder),
    }


def arguments(workdir: Path, overrides: dict[str, object]) -> list[str]:
    changed = [f"--config.{key}={value}" for key, value in (SMALL | overrides).items()]
    return ["--config", QUICKSTART, "--workdir", str(workdir), *changed]


def config(overrides: dict[str, object]) -> Config:
    return from_config(read_config(QUICKSTART, list((SMALL | overrides).items())))


def start(
    workdir: Path,
    overrides: dict[str, object],
    *,
    cache: Path,
    devices: int = 1,
    flags: Sequence[str] = (),
    code: str | None = None,
) -> subprocess.Popen:
    """The trainer in a process of its own. code: what to run in its place."""
    run = ["-m", "ila_jax.train"] if code is None else ["-c", code]
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(ROOT),
        # Compiled programs are shared between the processes of a test session.
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    return subprocess.Popen(
        [sys.executable, *run, *flags, *arguments(workdir, overrides)],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_two(
    workdir: Path, overrides: dict[str, object], *, cache: Path, devices: int
) -> list[subprocess.Popen]:
    """One run in two processes of so many devices each."""
    joined = ["--coordinator", f"localhost:{free_port()}", "--processes", "2", "--process-id"]
    return [
        start(workdir, overrides, cache=cache, devices=devices, flags=[*joined, str(index)])
        for index in range(2)
    ]


def fails(capsys, workdir: Path, overrides: dict[str, object], *words: str) -> str:
    """Runs the trainer in this process; it has to fail in these words. Returns what it said."""
    assert main(arguments(workdir, overrides)) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    for word in words:
        assert word in err, err
    return err


def finish(process: subprocess.Popen) -> str:
    """Waits for a run that has to end well; what it said."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out + err


def wait_for_step(process: subprocess.Popen, workdir: Path, step: int) -> None:
    """Returns when the run has logged a step."""
    _wait(process, lambda: any(entry["step"] >= step for entry in entries(workdir)))


def wait_for_checkpoint(process: subprocess.Popen, workdir: Path, step: int) -> None:
    """Returns when the checkpoint of a step is whole."""
    _wait(process, (workdir / "checkpoints" / "latest" / str(step) / LIST).exists)


def _wait(process: subprocess.Popen, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if reached():
            return
        time.sleep(0.01)
    raise AssertionError(f"the run did not get there: {process.communicate()[1]}")


def free_port() -> int:
    """A port of this machine that nobody listens on, for processes that train together."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def entries(workdir: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl without what the clock and the device say."""
    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # just being written
            continue
        found.append(
            {key: v for key, v in entry.items() if not key.startswith(("time/", "device/"))}
        )
    return found


def final_state(workdir: Path) -> dict[str, np.ndarray]:
    """All arrays of the last checkpoint, by path."""
    latest = workdir / "checkpoints" / "latest"
    folder = (latest / str(max(int(path.name) for path in latest.iterdir())) / "state").absolute()
    with ocp.PyTreeCheckpointer() as checkpointer:
        tree = checkpointer.metadata(folder).item_metadata.tree
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
        state = checkpointer.restore(folder, args=ocp.args.PyTreeRestore(restore_args=as_numpy))
    return {jax.tree_util.keystr(path): x for path, x in jax.tree.leaves_with_path(state)}


def differences(here: Path, there: Path) -> list[str]:
    """In what two runs differ: arrays of the last checkpoint, bit by bit, and metrics."""
    states = final_state(here), final_state(there)
    assert states[0].keys() == states[1].keys()
    differ = [path for path, x in states[0].items() if not np.array_equal(x, states[1][path])]
    return differ + ["metrics.jsonl"] * (entries(here) != entries(there))

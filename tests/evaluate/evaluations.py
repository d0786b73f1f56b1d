"""The command's arguments in tests, and the command in processes of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.train import runs

LISTED, MISSING = 29, 11
FILES = ("result.json", "predictions.parquet", "report.html")
# 2 x 2 views; on eight devices a batch is of 8 videos, two views at a time.
CHANGES = {"evaluation.clips": 2, "evaluation.crops": 2, "evaluation.batch": 16}


def arguments(checkpoint: Path, output: Path, overrides: dict[str, object]) -> list[str]:
    changed = [f"--config.{key}={value}" for key, value in (runs.SMALL | overrides).items()]
    return [
        "--config", runs.QUICKSTART, "--checkpoint", str(checkpoint), "--output", str(output),
        *changed,
    ]  # fmt: skip


def start(given: Sequence[str], *, devices: int = 1, flags: Sequence[str] = ()) -> subprocess.Popen:
    """The command on so many virtual devices."""
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(runs.ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "ila_jax.evaluate", *given, *flags],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_two(given: Sequence[str], *, devices: int) -> list[subprocess.Popen]:
    """One evaluation in two processes of so many devices each."""
    joined = ["--coordinator", f"localhost:{runs.free_port()}", "--processes", "2", "--process-id"]
    return [start(given, devices=devices, flags=[*joined, str(index)]) for index in range(2)]

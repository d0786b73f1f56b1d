"""Metrics of a run: `metrics.jsonl` and TensorBoard files."""

import json
import os
from pathlib import Path

from tensorboardX import SummaryWriter


class Writer:
    """Appends to a run's metrics; starts by dropping what lies after the step it resumes from.

    A run that was killed has lines after its last checkpoint; they are written again, the same.
    """

    def __init__(self, workdir: Path, *, resumed_at: int):
        self._path = workdir / "metrics.jsonl"
        self._entries = [e for e in read_metrics(self._path) if e["step"] <= resumed_at]
        _replace(self._path, "".join(_line(entry) for entry in self._entries))
        self._file = self._path.open("a")
        self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=resumed_at + 1)

    def write(self, step: int, values: dict[str, float]) -> None:
        """One line, on its way to the disk before this returns."""
        self._file.write(_line({"step": step, **values}))
        self._file.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def has(self, step: int, name: str) -> bool:
        """Whether the run, before it was resumed, wrote a value called `name` at a step."""
        return any(entry["step"] == step and name in entry for entry in self._entries)

    def close(self) -> None:
        self._file.close()
        self._board.close()


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The entries of a `metrics.jsonl`; a last line that a crash cut short is left out."""
    if not path.exists():
        return []
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def _line(entry: dict[str, float]) -> str:
    return json.dumps(entry) + "\n"


def _replace(path: Path, text: str) -> None:
    partly = path.with_suffix(".partly")
    partly.write_text(text)
    os.replace(partly, path)

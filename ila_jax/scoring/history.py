"""What the `metrics.jsonl` of a run tells of its course."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ila_jax.scoring.cautions import Accuracies, train_leaves_validation


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The entries of a `metrics.jsonl`, each of a step; what is none is left out.

    Such as a last line that a crash cut short, or a damaged byte: nothing that reads the file may
    fail for one.
    """
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and type(entry.get("step")) is int:
            entries.append(entry)
    return entries


def accuracies(entries: Iterable[Mapping[str, float]]) -> list[Accuracies]:
    """Top-1 of training and of validation, for each validation of a run.

    That of training is the mean over the log lines since the validation before: so it follows from
    the file alone, and a run that was stopped and went on has the same. A validation without a log
    line before it, as where a run logs more seldom than it validates, is left out.
    """
    train: list[float] = []
    history = []
    for entry in entries:
        if (value := _share(entry.get("train/top1"))) is not None:
            train.append(value)
        if (value := _share(entry.get("val/top1"))) is not None:
            if train:
                history.append(Accuracies(int(entry["step"]), sum(train) / len(train), value))
            train = []
    return history


def _share(value: object) -> float | None:
    """A share from 0 to 1, or None for all else: null stands for what was no number."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def training_cautions(entries: list[dict[str, float]]) -> list[str]:
    """What the course of a run does not tell by itself, in sentences; none for no entries."""
    counts = [entry.get("val/videos") for entry in entries]
    videos = [count for count in counts if isinstance(count, int | float) and 0 < count < 1e9]
    if not videos:
        return []
    sentence = train_leaves_validation(accuracies(entries), videos=int(videos[-1]))
    return [] if sentence is None else [sentence]

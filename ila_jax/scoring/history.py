"""What the `metrics.jsonl` of a run tells of its course."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ila_jax.scoring.cautions import Accuracies, train_leaves_validation


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The entries of a `metrics.jsonl`; a last line that a crash cut short is left out.

    Of one that is no UTF-8 as well: nothing that reads it may fail for a byte of it.
    """
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
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
        # null stands for what was no number.
        if (value := entry.get("train/top1")) is not None:
            train.append(value)
        if (value := entry.get("val/top1")) is not None:
            if train:
                history.append(Accuracies(int(entry["step"]), sum(train) / len(train), value))
            train = []
    return history


def training_cautions(entries: list[dict[str, float]]) -> list[str]:
    """What the course of a run does not tell by itself, in sentences; none for no entries."""
    videos = [entry["val/videos"] for entry in entries if "val/videos" in entry]
    if not videos:
        return []
    sentence = train_leaves_validation(accuracies(entries), videos=int(videos[-1]))
    return [] if sentence is None else [sentence]

"""Train and validation accuracy out of a run's metrics, on entries worked out by hand."""

import json

from ila_jax.scoring.cautions import Accuracies
from ila_jax.scoring.history import accuracies, read_metrics, training_cautions

# Two log lines before each validation, of 100 videos.
RUN = [
    {"step": 1, "train/top1": 0.25},
    {"step": 2, "train/top1": 0.75},
    {"step": 2, "val/top1": 0.7, "val/videos": 100},
    {"step": 3, "train/top1": 1.0},
    {"step": 4, "train/top1": 0.5},
    {"step": 4, "val/top1": 0.5, "val/videos": 100},
]


def test_training_is_the_mean_of_the_log_lines_since_the_validation_before():
    assert accuracies(RUN) == [Accuracies(2, 0.5, 0.7), Accuracies(4, 0.75, 0.5)]


def test_validations_without_a_log_line_and_values_that_are_none_are_left_out():
    entries = [
        {"step": 1, "val/top1": 0.2},
        {"step": 2, "train/top1": None},
        {"step": 2, "val/top1": 0.3},
        {"step": 3, "train/top1": 0.4},
        {"step": 3, "val/top1": None},
        {"step": 4, "val/top1": 0.6},
    ]
    assert accuracies(entries) == [Accuracies(4, 0.4, 0.6)]


def test_the_caution_needs_the_run_and_its_validation_videos(tmp_path):
    (sentence,) = training_cautions(RUN)
    assert "since step 2 it rose from 50.0% to 75.0%, while validation fell from 70.0%" in sentence
    assert training_cautions(RUN[:3]) == []
    assert training_cautions([]) == []
    # Of ten videos, the fall is within chance.
    assert training_cautions([entry | {"val/videos": 10} for entry in RUN]) == []
    lines = "".join(json.dumps(entry) + "\n" for entry in RUN)
    (tmp_path / "metrics.jsonl").write_text(lines + '{"step": 5, "tr')
    assert read_metrics(tmp_path / "metrics.jsonl") == RUN
    assert read_metrics(tmp_path / "none.jsonl") == []

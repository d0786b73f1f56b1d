"""Evaluation of videos of any number of classes: by hand, and the files that it leaves."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from ila_jax.data.sources.opening import open_source
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import Reason
from ila_jax.evaluate import accuracy, paired, results
from ila_jax.evaluate.__main__ import _table
from ila_jax.evaluate.accuracy import ScoredVideos
from ila_jax.evaluate.calibrate import calibrate
from ila_jax.evaluate.parts import ScoredParts
from ila_jax.evaluate.predictions import write_predictions
from ila_jax.evaluate.report import write_report
from ila_jax.evaluate.several_labels import class_precisions
from ila_jax.evaluate.subject import Subject
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from ila_jax.scoring.intervals import wilson_interval
from tests.data.movers import COLOURS
from tests.train import runs

# Video 3 could not be read, video 2 has no class, and class c no video that could be read.
VIDEOS = ScoredVideos(
    label=np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1]], bool),
    reason=np.array([-1, -1, -1, 7]),
    short=np.zeros(4, bool),
    probabilities=np.array([[0.9, 0.4, 0.1], [0.5, 0.6, 0.1], [0.7, 0.1, 0.2], [0, 0, 0]]),
)


def test_shares_and_precisions_by_hand():
    found = accuracy.metric_values(VIDEOS)
    # The best classes are a, b and a; the first alone is there.
    assert VIDEOS.right.tolist() == [True, False, False, False]
    assert found["top1"]["decoded"][0] == 1 / 3
    assert found["top1"]["listed"][0] == 1 / 4
    # Of a, the ranks are 1 and 3; of b, 2.
    precisions = (1 + 2 / 3) / 2, 1 / 2
    assert found["map"]["decoded"].value == pytest.approx(np.mean(precisions))
    # a: two hits of two and three named. b: none of one, and one named. c: neither, which is out.
    assert found["macro_f1"]["decoded"].value == pytest.approx((4 / 5 + 0) / 2)
    assert "macro_accuracy" not in found
    a, b, c = class_precisions(VIDEOS, ("a", "b", "c"))
    assert (a.listed, a.decoded, a.named, a.hits, a.recall) == (3, 2, 3, 2, 1.0)
    assert (a.low, a.high) == wilson_interval(2, 2)
    assert [item.average_precision for item in (a, b)] == pytest.approx(precisions)
    assert (b.named, b.hits, b.recall) == (1, 0, 0.0)
    assert (c.listed, c.decoded, c.average_precision, c.recall, c.low) == (1, 0, None, None, None)


def test_probabilities_are_as_sure_as_they_are_right_pair_by_pair():
    """Of a probability of 0.75 two of three pairs are there: 1/12 off, 3 of 4 pairs; 0 is right."""
    shares, label = np.array([[0.75, 0.75], [0.75, 0.0]]), np.array([[1, 1], [0, 0]], bool)
    scored = ScoredVideos(label, np.full(2, -1), np.zeros(2, bool), shares)
    found = accuracy.metric_values(scored)["ece"]["decoded"].value
    assert found == pytest.approx(3 / 4 * (0.75 - 2 / 3))


@pytest.fixture(scope="module")
def subject(movers):
    config = runs.config(movers | {"evaluation.clips": 2})
    opened = open_source(config.data.validation, root="", class_names=None)
    names = tuple(COLOURS)
    recognizer = Recognizer(config.model, Variables({"w": np.arange(3.0)}, {}), names)
    return Subject(config, "runs/mine", 5, recognizer, opened.source, opened.all_ids(), names)


def evaluation(folder, subject, *, seed):
    """The files of an evaluation by drawn scores, in which video 3 could not be read."""
    rng, parts, count = np.random.default_rng(seed), ScoredParts(folder / "parts"), 24
    index = np.delete(np.arange(count), 3)
    shares = rng.random((23, 2, 3)).astype(np.float32)
    rows = {
        "index": index,
        "label": subject.source.targets[index],
        "short": index == 1,
        "probabilities": shares,
        "bad": np.array([[3, Reason.DAMAGED]]),
    }
    parts.write(0, count, rows)
    about = subject.about()
    results.claim(folder, about)
    videos = write_predictions(folder, subject, parts)
    result = about | results.summary(subject, videos)
    write_report(folder, subject, result, videos)
    results.write_result(folder, result)
    return shares.mean(axis=1, dtype=np.float64)


def test_files_keep_all_labels_of_every_video(tmp_path, subject):
    shares = evaluation(tmp_path / "one", subject, seed=1)
    rows = pq.read_table(tmp_path / "one" / "predictions.parquet").to_pylist()
    # Clip number n shows the colours that are the bits of n; validation begins with clip 64.
    assert [row["labels"] for row in rows[:4]] == [[], [0], [1], [0, 1]]
    assert "label" not in rows[0]
    assert rows[3]["reason"] == "DAMAGED"
    assert rows[4]["probabilities"] == pytest.approx(shares[3])
    result = results.read_result(tmp_path / "one")
    assert result["several_labels"]
    assert "confused" not in result
    assert [item["listed"] for item in result["per_class"]] == [12, 12, 12]
    precisions = [item["average_precision"] for item in result["per_class"]]
    assert result["map"]["decoded"]["value"] == pytest.approx(np.mean(precisions))
    assert "mAP of those read" in _table(result, tmp_path)
    page = (tmp_path / "one" / "report.html").read_text()
    assert "so that none is taken for another" in page
    assert f"{precisions[0]:.1%}, {result['per_class'][0]['decoded']} videos" in page
    assert "a blue square, a green one" in page or "a green one, a red one" in page
    with pytest.raises(ValueError, match="do not exclude each other"):
        calibrate(tmp_path / "one")


def test_pairs_are_right_where_the_best_class_is_one_of_the_videos(tmp_path, subject):
    both = [evaluation(tmp_path / name, subject, seed=k) for k, name in enumerate("AB")]
    truth = np.delete(subject.source.targets, 3, axis=0)
    right = [truth[np.arange(23), shares.argmax(axis=1)] for shares in both]
    pair = paired.compare(tmp_path / "A", tmp_path / "B")
    assert pair.both == (right[0] & right[1]).sum()
    assert pair.only_one == (right[0] & ~right[1]).sum() > 0
    assert pair.metrics["map"].keys() == {"A", "B"}
    assert "macro_accuracy" not in pair.metrics
    labels = {change.label for change in pair.changed}
    assert labels & {"none of the classes", "a blue square, a green one, a red one"}
    written = json.loads(paired.as_json(pair, tmp_path / "A", tmp_path / "B"))
    assert len(written["changed"]) == len(pair.changed)


def test_another_second_label_is_another_data_set(tmp_path, subject):
    source, targets = subject.source, subject.source.targets.copy()
    targets[7, 2] = False  # it has all three
    other = ListSource([], targets)
    other.__dict__ |= {k: v for k, v in source.__dict__.items() if k != "targets"}
    changed = dataclasses.replace(subject, source=other)
    assert changed.source.labels.tolist() == source.labels.tolist()
    one, two = subject.about()["same"], changed.about()["same"]
    assert [key for key in one if one[key] != two[key]] == ["videos", "order"]


def test_softmax_scores_of_several_labels_are_cautioned(tmp_path, subject):
    model = dataclasses.replace(subject.config.model, probabilities="softmax")
    config = dataclasses.replace(subject.config, model=model)
    evaluation(tmp_path / "one", dataclasses.replace(subject, config=config), seed=0)
    assert any("(softmax)" in line for line in results.read_result(tmp_path / "one")["cautions"])

"""Metrics by hand and by scikit-learn, and that one row in their table is all another one takes."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from ila_jax.scoring.metrics import (
    METRICS,
    Metric,
    best_classes,
    macro_accuracy,
    macro_f1,
    metrics_of,
    telling,
    top_hits,
)
from ila_jax.scoring.validation import Predictions

SHARES = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
LABEL = np.array([0, 1, 0])


def test_hits_by_hand():
    assert top_hits(SHARES, LABEL, of=1).tolist() == [True, False, False]
    assert top_hits(SHARES, LABEL, of=2).tolist() == [True, True, False]
    assert METRICS["top1"].value(SHARES, LABEL) == 1 / 3
    assert METRICS["top5"].value(SHARES, LABEL) == 1.0


def test_of_equal_scores_the_lower_class_comes_first_and_five_are_enough():
    assert best_classes(np.array([[0.2, 0.3, 0.3]])).tolist() == [[1, 2, 0]]
    assert best_classes(np.arange(7.0)[None]).tolist() == [[6, 5, 4, 3, 2]]


def test_every_class_counts_the_same_by_hand():
    """Three videos of class 0, two of them right, and one of class 1, taken for 0."""
    shares = np.eye(3)[[0, 0, 2, 0]]
    labels = np.array([0, 0, 0, 1])
    assert macro_accuracy(shares, labels) == pytest.approx((2 / 3 + 0) / 2)
    # F1 of class 0: 2·2 / (3 videos + 3 named). Class 2 has no video, and was named.
    assert macro_f1(shares, labels) == pytest.approx((4 / 6 + 0 + 0) / 3)


@pytest.mark.parametrize("seed", range(5))
def test_macro_figures_are_those_of_scikit_learn(seed):
    """Class 5 has no video and may be named, class 6 neither has one nor is named."""
    rng = np.random.default_rng(seed)
    labels = np.append(rng.choice(5, 60, p=[0.5, 0.3, 0.1, 0.05, 0.05]), np.arange(5))
    shares = rng.dirichlet(np.ones(6), len(labels)) + 0.3 * np.eye(6)[labels]
    shares = np.hstack([shares, np.zeros((len(labels), 1))])
    best = shares.argmax(axis=1)
    assert 5 in best
    recall = sklearn_metrics.recall_score(labels, best, labels=np.unique(labels), average="macro")
    assert macro_accuracy(shares, labels) == pytest.approx(recall, abs=1e-9)
    f1 = sklearn_metrics.f1_score(labels, best, average="macro")
    assert macro_f1(shares, labels) == pytest.approx(f1, abs=1e-9)


def test_a_metric_of_the_table_comes_out_of_a_validation(monkeypatch):
    right = Metric("probability of the label", lambda p, label: p[np.arange(len(p)), label].mean())
    monkeypatch.setitem(METRICS, "right", right)
    predictions = Predictions(np.arange(3), LABEL, SHARES, unreadable=0, short=0)
    assert predictions.metrics()["right"] == (0.5 + 0.4 + 0.1) / 3


def test_of_several_labels_the_best_class_is_to_be_one_of_them():
    labels = np.array([[0, 1, 1], [1, 0, 1], [0, 0, 0]], bool)
    assert top_hits(SHARES, labels, of=1).tolist() == [False, True, False]
    assert top_hits(SHARES, labels, of=2).tolist() == [True, True, False]
    assert "macro_accuracy" not in metrics_of(labels)
    assert metrics_of(LABEL) == METRICS


def test_a_top_5_of_five_classes_tells_nothing():
    assert set(METRICS) - set(telling(5)) == {"top5"}
    assert telling(6) == METRICS


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_of_several_labels_is_that_of_scikit_learn(seed):
    """Class 4 is never there and may be named, class 5 is neither, which leaves it out."""
    rng = np.random.default_rng(seed)
    labels = np.hstack([rng.random((40, 4)) < [0.5, 0.3, 0.1, 0.9], np.zeros((40, 2), bool)])
    shares = np.hstack([rng.random((40, 5)), np.zeros((40, 1))])
    expected = sklearn_metrics.f1_score(
        labels, shares >= 0.5, average="macro", zero_division=np.nan
    )
    assert macro_f1(shares, labels) == pytest.approx(expected, abs=1e-9)


def test_where_no_class_is_there_or_named_the_figures_are_0():
    nothing = np.zeros((3, 2), bool)
    assert METRICS["macro_f1"].value(np.zeros((3, 2)), nothing) == 0
    assert METRICS["map"].value(np.zeros((3, 2)), nothing) == 0

"""Metrics by hand, and that one row in their table is all that another one takes."""

import numpy as np

from ila_jax.scoring.metrics import METRICS, Metric, best_classes, top_hits
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


def test_a_metric_of_the_table_comes_out_of_a_validation(monkeypatch):
    right = Metric("probability of the label", lambda p, label: p[np.arange(len(p)), label].mean())
    monkeypatch.setitem(METRICS, "right", right)
    predictions = Predictions(np.arange(3), LABEL, SHARES, unreadable=0, short=0)
    assert predictions.metrics()["right"] == (0.5 + 0.4 + 0.1) / 3

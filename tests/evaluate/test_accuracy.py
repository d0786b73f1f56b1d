"""Accuracies, intervals and confusions against values computed by hand."""

import dataclasses

import numpy as np
import pytest

from ila_jax.evaluate import accuracy
from ila_jax.evaluate.accuracy import Confusion, ScoredVideos, Share, Value
from ila_jax.evaluate.paired import mcnemar
from ila_jax.scoring.intervals import mean_interval

NAMES = ("a", "b", "c", "d")
# Video 1 is a tie, which goes to the lower class; video 4 could not be read.
VIDEOS = ScoredVideos(
    label=np.array([0, 0, 1, 2, 1, 0]),
    reason=np.array([-1, -1, -1, -1, 7, -1]),
    short=np.array([False, True, False, False, False, False]),
    probabilities=np.array(
        [
            [0.70, 0.20, 0.10, 0.0],
            [0.40, 0.40, 0.20, 0.0],
            [0.60, 0.30, 0.10, 0.0],
            [0.10, 0.00, 0.90, 0.0],
            [0.00, 0.00, 0.00, 0.0],
            [0.20, 0.72, 0.08, 0.0],
        ]
    ),
)


def test_shares_are_of_the_listed_and_of_those_that_could_be_read():
    found = accuracy.metric_values(VIDEOS)
    assert VIDEOS.predicted.tolist() == [0, 0, 0, 2, -1, 1]
    hits = {
        (name, over): s[:1] + s[3:] for name in ("top1", "top5") for over, s in found[name].items()
    }
    assert hits == {
        ("top1", "listed"): (0.5, 3, 6),
        ("top1", "decoded"): (0.6, 3, 5),
        ("top5", "listed"): (5 / 6, 5, 6),
        ("top5", "decoded"): (1.0, 5, 5),
    }


def test_what_is_no_share_of_videos_is_of_those_that_could_be_read():
    """Recalls are 2/3, 0 and 1, precisions 2/3, 0 and 1; class d has no video and is not named."""
    found = accuracy.metric_values(VIDEOS)
    assert found["macro_accuracy"].keys() == {"decoded"}
    assert found["macro_accuracy"]["decoded"].value == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert found["macro_f1"] == {"decoded": Value(pytest.approx((2 / 3 + 0 + 1) / 3))}
    assert found["ece"].keys() == {"decoded"}


def test_the_fifth_class_counts_and_the_sixth_does_not():
    shares = np.tile(np.array([0.3, 0.25, 0.2, 0.15, 0.07, 0.03]), (6, 1))
    videos = ScoredVideos(np.arange(6), np.full(6, -1), np.zeros(6, bool), shares)
    found = accuracy.metric_values(videos)
    assert found["top1"]["decoded"].hits == 1
    assert found["top5"]["decoded"].hits == 5


def test_classes_have_intervals_by_wilson():
    # By Wilson's formula, (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), z² = 3.841459.
    by_hand = {"a": (0.2076596, 0.9385080), "b": (0.0, 0.7934507), "c": (0.2065493, 1.0)}
    found = accuracy.per_class(VIDEOS, NAMES)
    assert [dataclasses.astuple(item)[:5] for item in found] == [
        ("a", 3, 3, 2, 2 / 3),
        ("b", 2, 1, 0, 0.0),
        ("c", 1, 1, 1, 1.0),
        ("d", 0, 0, 0, None),
    ]
    for item in found[:3]:
        assert (item.low, item.high) == pytest.approx(by_hand[item.name], abs=1e-6)
    assert (found[3].low, found[3].high) == (None, None)


def test_confusions():
    matrix = [[2, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert accuracy.confusion_matrix(VIDEOS).tolist() == matrix
    assert accuracy.most_confused(VIDEOS, NAMES) == [
        Confusion("a", "b", 1, 1 / 3),
        Confusion("b", "a", 1, 1.0),
    ]


def test_intervals_by_hand():
    """Of 4 videos with 2 hits a resample has 0 or 4 in 1/16 of all draws, more than 2.5 %."""
    assert accuracy.share(2, 4) == Share(0.5, 0.0, 1.0, 2, 4)
    assert accuracy.share(4, 4)[:3] == (1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="no videos"):
        accuracy.share(0, 0)


@pytest.mark.parametrize(("hits", "videos"), [(300, 400), (13, 20), (19, 20)])
def test_intervals_are_what_drawing_videos_comes_to(hits, videos):
    right = np.arange(videos) < hits
    drawn = np.random.default_rng(0).integers(videos, size=(20_000, videos))
    low, high = np.quantile(right[drawn].mean(axis=1), [0.025, 0.975])
    found = accuracy.share(hits, videos)
    assert found == accuracy.share(hits, videos)
    assert abs(found.low - low) <= 1 / videos
    assert abs(found.high - high) <= 1 / videos


def test_the_interval_of_macro_accuracy_by_hand():
    """Of class a with 2 of 3 hits a resample has none in 1/27 of all draws, more than 2.5 %.

    Class b has no hit and c all of its, in every resample: the mean is from 1/3 to 2/3.
    """
    mean = accuracy.metric_values(VIDEOS)["macro_accuracy"]["decoded"]
    assert (mean.low, mean.high) == pytest.approx((1 / 3, 2 / 3))
    assert mean == accuracy.metric_values(VIDEOS)["macro_accuracy"]["decoded"]
    with pytest.raises(ValueError, match="no classes"):
        mean_interval(np.zeros(3, int), np.zeros(3, int))


def test_the_interval_of_macro_accuracy_is_what_drawing_videos_comes_to():
    hits, videos = np.array([30, 3, 8, 0]), np.array([40, 9, 9, 0])
    rng = np.random.default_rng(1)
    drawn = [
        (np.arange(n) < k)[rng.integers(n, size=(20_000, n))].mean(axis=1)
        for k, n in zip(hits[:3], videos[:3], strict=True)
    ]
    expected = np.quantile(np.mean(drawn, axis=0), [0.025, 0.975])
    assert mean_interval(hits, videos) == pytest.approx(tuple(expected), abs=0.01)


def test_mcnemar_by_hand():
    """Of 9 videos that only one has right 8 fall to one side: 2 (1 + 9) / 2^9."""
    assert mcnemar(1, 8) == mcnemar(8, 1) == pytest.approx(0.0390625)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0

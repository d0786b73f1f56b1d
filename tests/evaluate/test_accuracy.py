"""Accuracies, intervals, confusions and calibration against values computed by hand."""

import numpy as np
import pytest

from ila_jax.evaluate import accuracy
from ila_jax.evaluate.accuracy import ClassAccuracy, Confusion, ScoredVideos, Share
from ila_jax.evaluate.paired import mcnemar

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
    hits = {(name, over): s[:1] + s[3:] for name, of in found.items() for over, s in of.items()}
    assert hits == {
        ("top1", "listed"): (0.5, 3, 6),
        ("top1", "decoded"): (0.6, 3, 5),
        ("top5", "listed"): (5 / 6, 5, 6),
        ("top5", "decoded"): (1.0, 5, 5),
    }


def test_the_fifth_class_counts_and_the_sixth_does_not():
    shares = np.tile(np.array([0.3, 0.25, 0.2, 0.15, 0.07, 0.03]), (6, 1))
    videos = ScoredVideos(np.arange(6), np.full(6, -1), np.zeros(6, bool), shares)
    found = accuracy.metric_values(videos)
    assert found["top1"]["decoded"].hits == 1
    assert found["top5"]["decoded"].hits == 5


def test_classes():
    found = accuracy.per_class(VIDEOS, NAMES)
    assert found == [
        ClassAccuracy("a", 3, 3, 2, 2 / 3),
        ClassAccuracy("b", 2, 1, 0, 0.0),
        ClassAccuracy("c", 1, 1, 1, 1.0),
        ClassAccuracy("d", 0, 0, 0, None),
    ]
    assert accuracy.mean_class_accuracy(found) == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_confusions():
    matrix = [[2, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert accuracy.confusion_matrix(VIDEOS).tolist() == matrix
    assert accuracy.most_confused(VIDEOS, NAMES) == [
        Confusion("a", "b", 1, 1 / 3),
        Confusion("b", "a", 1, 1.0),
    ]


def test_the_calibration_error_is_that_of_bins():
    found = accuracy.calibration(VIDEOS)
    # 0.70 (right) and 0.72 (wrong) share the bin of 10/15 to 11/15; the others are alone.
    by_hand = (2 * abs(0.5 - 0.71) + abs(1 - 0.4) + abs(0 - 0.6) + abs(1 - 0.9)) / 5
    assert found.error == pytest.approx(by_hand)
    shared = found.bins[10]
    assert (shared.videos, shared.accuracy) == (2, 0.5)
    assert shared.confidence == pytest.approx(0.71)
    assert [one.videos for one in found.bins if one.videos] == [1, 1, 2, 1]
    assert sum(one.videos for one in found.bins) == 5


def test_a_probability_of_one_is_in_the_last_bin():
    shares = np.array([[1.0000001, 0.0], [1.0, 0.0]])
    videos = ScoredVideos(np.zeros(2, int), np.full(2, -1), np.zeros(2, bool), shares)
    assert accuracy.calibration(videos).bins[-1].videos == 2


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


def test_mcnemar_by_hand():
    """Of 9 videos that only one has right 8 fall to one side: 2 (1 + 9) / 2^9."""
    assert mcnemar(1, 8) == mcnemar(8, 1) == pytest.approx(0.0390625)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0

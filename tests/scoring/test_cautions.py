"""Sentences about figures that are less sure than they look, on numbers worked out by hand."""

import pytest

from ila_jax.scoring.cautions import (
    Accuracies,
    small_classes,
    small_validation,
    train_leaves_validation,
)


def test_a_small_validation_set_is_told_with_the_half_width_of_its_interval():
    # By Wilson: 1.96 √(0.8 · 0.2 / 40 + 1.96² / 6400) / (1 + 1.96² / 40) = 0.1213.
    assert "top-1 80.0% is known to ±12.1 points" in (small_validation(32, 40) or "")
    # All right: the interval is from 0.8865 to 1.
    assert "±5.7 points" in (small_validation(30, 30) or "")
    assert small_validation(8000, 10_000) is None  # ±0.8


def test_classes_with_few_clips_are_named_from_the_smallest():
    clips = {"a": 9, "b": 10, "c": 2, "d": 9, "e": 120}
    assert small_classes(clips) == (
        "3 of 5 classes have fewer than 10 training clips, and what is said of them rests on these "
        "few: c (2), a (9), d (9)"
    )
    assert small_classes({"b": 10, "e": 120}) is None
    many = small_classes({str(k): 1 for k in range(7)}, of="validation")
    assert many is not None
    assert many.endswith("few: 0 (1), 1 (1), 2 (1), 3 (1), 4 (1) and 2 more")
    assert "validation clips" in many


@pytest.mark.parametrize(
    ("train", "validation", "told"),
    [
        # Of 100 videos, 70 % is known to ±8.8 points.
        ((0.80, 0.97), (0.70, 0.60), True),
        ((0.80, 0.97), (0.70, 0.65), False),  # within chance
        ((0.97, 0.80), (0.70, 0.60), False),  # both fell
        ((0.80, 0.97), (0.60, 0.70), False),  # validation follows
    ],
)
def test_it_is_told_when_train_accuracy_leaves_validation_behind(train, validation, told):
    history = [
        Accuracies(100, 0.5, 0.4),
        Accuracies(200, train[0], validation[0]),
        Accuracies(300, train[1], validation[1]),
    ]
    sentence = train_leaves_validation(history, videos=100)
    assert (sentence is not None) == told
    if sentence is not None:
        assert "since step 200 it rose from 80.0% to 97.0%" in sentence
        assert "fell from 70.0% to 60.0%" in sentence


def test_one_validation_has_nothing_to_be_compared_with():
    assert train_leaves_validation([Accuracies(1, 1.0, 0.1)], videos=10) is None
    assert train_leaves_validation([], videos=10) is None

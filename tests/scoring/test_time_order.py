"""Does a model see motion or looks: accuracies of four clips, counted by hand."""

import numpy as np
import pytest

from ila_jax.scoring.time_order import Answers, accuracies

# Classes 0 and 1 are partners, and so are 2 and 3, up to 6 and 7.
LABEL = np.array([0, 0, 1, 6])


def answers(forward):
    return Answers(
        label=LABEL,
        forward=np.array(forward),
        backward=np.array([1, 1, 3, 7]),
        shuffled=np.array([0, 2, 2, 6]),
        class_names=tuple("abcdefgh"),
    )


def test_partners_are_counted_of_the_clips_that_were_right():
    measured = accuracies(answers([0, 1, 1, 6]))
    assert (measured.forward, measured.shuffled) == (0.75, 0.5)
    assert measured.to_partner == pytest.approx(2 / 3)  # of 0, 1 and 6; the second clip was wrong
    expected = {"a": 0.5, "b": 1.0, "g": 1.0} | dict.fromkeys("cdefh")
    assert measured.per_class == expected


def test_where_nothing_was_right_no_partner_was_named():
    assert accuracies(answers([3, 3, 3, 3])).to_partner == 0.0


def test_it_is_told_in_lines():
    lines = str(accuracies(answers([0, 1, 1, 6]))).splitlines()
    assert lines[0].split() == ["best", "checkpoint,", "top-1:", "75.0%"]
    assert [line.split() for line in lines[1:4]] == [["a", "50.0%"], ["b", "100.0%"],
                                                      ["c", "no", "clip"]]  # fmt: skip
    assert lines[-2].split()[-7] == "66.7%"
    assert lines[-1].split()[-1] == "50.0%"

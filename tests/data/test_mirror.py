"""Labels of mirrored videos."""

import numpy as np
import pytest

from ila_jax.data.mirror import NEVER, mirror_table
from ila_jax.data.motion import CLASSES


def test_motion_pairs():
    np.testing.assert_array_equal(mirror_table(CLASSES), [1, 0, 2, 3, 4, 5, 7, 6])


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (["Pushing something from left to right", "archery",
          "Pushing something from right to left"], [2, 1, 0]),
        (["Turning the camera LEFT while filming", "turning the camera right while filming"],
         [1, 0]),
        (["pulling to the left", "pushing to the right"], [-1, -1]),  # no mirror: never flipped
        (["copyright dispute", "leftover food", "rightly so"], [0, 1, 2]),  # no whole words
        (["clockwise", "anticlockwise"], [1, 0]),
        (["spin counterclockwise", "spin clockwise"], [1, 0]),
        (["spin anti clockwise", "Spin  Clockwise"], [1, 0]),
        (["left hand clockwise", "right hand counter-clockwise", "right hand clockwise"],
         [1, 0, -1]),  # all of the sides swap at once
        (["left-handed throw", "right-handed throw"], [1, 0]),
        (["turn left", "turn right", "Turn right"], [-1, 0, 0]),  # which one? neither
    ],
)  # fmt: skip
def test_sides_swap_as_whole_words(names, table):
    result = mirror_table(names)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, table)


def test_no_names_no_table():
    assert mirror_table([]).shape == (0,)


def test_underscores_part_words():
    assert mirror_table(["swipe_left", "swipe_right", "left_over"]).tolist() == [1, 0, NEVER]

"""The figure of a timeline: its steps, names and colours by hand, and what is drawn where."""

import cv2
import numpy as np
import pytest

from ila_jax.pictures import timeline_figure
from ila_jax.pictures.timeline_figure import Course, class_colours, draw, labels

NAMES = ["walk", "run", "a name that is much longer than one window is wide"]


def course(starts, ends, best):
    shares = np.full((len(best), 3), 0.05)
    shares[np.arange(len(best)), best] = 0.9
    return Course(np.array(starts, float), np.array(ends, float), shares)


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        ([0, 2, 4], [2, 4, 5], [0, 2, 4, 5]),  # next to each other, the last one shorter
        ([0, 1, 2], [2, 3, 4], [0, 1.5, 2.5, 4]),  # they share a second each
        ([0, 4], [2, 6], [0, 3, 6]),  # two seconds are left out
        ([0], [3], [0, 3]),
    ],
)
def test_a_window_gives_way_to_the_next_half_way(starts, ends, expected):
    np.testing.assert_allclose(course(starts, ends, [0] * len(starts)).edges, expected)


def test_names_stand_in_the_middle_of_their_windows_where_there_is_room():
    one = course(range(10), range(1, 11), [0, 0, 1, 1, 1, 2, 0, 0, 0, 0])
    assert list(labels(one, NAMES)) == [(0, 1.0), (1, 3.5), (0, 8.0)]


def test_colours_go_to_classes_that_are_best_the_commonest_first():
    one, other = course([0], [1], [1]), course([0, 1], [1, 2], [2, 2])
    assert class_colours([one]) == {1: "C0"}
    assert class_colours([one, other]) == {2: "C0", 1: "C1"}
    many = Course(np.arange(12.0), np.arange(1.0, 13), np.eye(12))
    assert class_colours([many]) == {k: f"C{k}" for k in range(10)}


def test_what_is_drawn_and_where(tmp_path):
    frames = np.zeros((4, 8, 8, 3), np.uint8)
    frames[1] = (255, 0, 0)
    played = {"one": course([0, 5], [5, 10], [0, 1]), "other": course([0, 5], [5, 10], [1, 0])}
    draw(frames, played, NAMES, tmp_path / "out.png")
    picture = cv2.imread(str(tmp_path / "out.png"))[..., ::-1].astype(int)

    def at(seconds, down):
        """The pixel at a time, and so many inches below the upper edge."""
        left, width = timeline_figure._LEFT, timeline_figure._FRAMES
        return picture[int(110 * down), int(110 * (left + width * seconds / 10))].tolist()

    assert [at(1, 1), at(4, 1), at(6, 1)] == [[0, 0, 0], [255, 0, 0], [0, 0, 0]]
    side = timeline_figure._TOP + timeline_figure._FRAMES / 4
    panel = timeline_figure._GAP + timeline_figure._PANEL
    one, other = ([at(t, side + n * panel + 1) for t in (2, 8)] for n in (0, 1))
    assert one == other[::-1]  # walk and run in turn
    assert one[0][2] > one[0][0]  # of walk, which is as common and comes first: C0, blue
    assert one[1][0] > one[1][2]  # of run: C1, orange
    assert at(2, side + timeline_figure._GAP + 0.05) == [255, 255, 255]  # above 90 %


def test_names_of_classes_are_drawn_as_they_are(tmp_path):
    # No formulas, whatever stands between dollars, and no name is left out of the legend.
    names = [r"$\foo$", "_hidden " * 20, r"from $\bar$ " * 20]
    played = {"": course([0, 5, 6], [5, 6, 7], [0, 1, 2])}
    draw(np.zeros((2, 8, 8, 3), np.uint8), played, names, tmp_path / "out.svg")
    text = (tmp_path / "out.svg").read_text()
    for name in names:
        assert f"<!-- {name} -->" in text

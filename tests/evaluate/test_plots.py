"""Pictures of an evaluation show the figures that they are made from."""

import base64
import re

import cv2
import numpy as np
import pytest

from ila_jax.evaluate import plots, report
from ila_jax.evaluate.plots import Bar


def pixels(svg):
    data = re.search(r'href="data:image/png;base64,([^"]*)"', svg)[1]
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def test_colours_of_a_confusion_matrix_are_shares_of_its_row():
    """The root of the share on the way from white to dark; a class without a video is white."""
    svg = plots.confusion(np.array([[3, 1, 0], [0, 0, 0], [0, 100, 100]]), ["a", "b", "c"])
    shares = np.array([[0.75, 0.25, 0], [0, 0, 0], [0, 0.5, 0.5]])
    expected = 255 - (255 - np.array([20, 60, 95])) * np.sqrt(shares)[..., None]
    np.testing.assert_allclose(pixels(svg), expected, atol=0.5)


def test_a_bar_is_as_wide_as_its_figure_and_a_class_without_a_video_has_none():
    svg = plots.class_bars([Bar("a", 0.25, "25.0%, 4 videos"), Bar("b", None, "")])
    assert re.findall(r'<rect [^>]*width="([\d.]+)"', svg) == ["360", "90.0", "360", "0.0"]
    assert re.findall(r">([^<>]+)</text>", svg) == ["a", "25.0%, 4 videos", "b", "no video"]
    # Name and words stand on one line, within the height of their bar.
    assert re.findall(r'<rect [^>]*y="(\d+)"', svg) == ["10", "10", "30", "30"]
    assert re.findall(r'<text [^>]*y="([\d.]+)"', svg) == ["23.0", "23.0", "43.0", "43.0"]


@pytest.mark.parametrize(("classes", "halves"), [(40, False), (41, True)])
def test_of_more_than_forty_classes_the_worst_and_the_best_are_shown(classes, halves):
    page = report._bars([Bar(f"class {i}", i / classes, f"{i} of them") for i in range(classes)])
    assert ("knows least" in page) == halves
    shown = re.findall(r">(\d+) of them<", page)
    assert len(shown) == 40
    assert ("20" in shown) != halves

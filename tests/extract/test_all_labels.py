"""Columns of videos of several labels, and that preparing them is refused."""

import numpy as np
import pytest

from ila_jax.data.prepare.preparation import prepare
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource, OpenedSplit
from ila_jax.extract.files import shards

TARGETS = np.array([[1, 0, 1], [0, 0, 0]], bool)
OPENED = OpenedSplit(
    ListSource([LabelledFile("a.mp4", 0), LabelledFile("b.mp4", 0)], TARGETS), ("run", "sit", "hop")
)


def test_a_row_has_all_labels_of_its_video():
    rows = {
        "index": np.array([0, 1, -1]),
        "mask": np.array([True, True, False]),
        "bad": np.full((3, 1, 2), -1),
        "clip": np.zeros((3, 4), np.float32),
    }
    ((number, columns, _),) = shards([rows], OPENED, ["clip"], size=8)
    assert number == 0
    np.testing.assert_array_equal(columns["label"], TARGETS)
    assert columns["class_name"].tolist() == ["run;hop", ""]


def test_prepared_videos_would_lose_labels():
    with pytest.raises(ValueError, match=r"clips of train have several labels.*from the list"):
        prepare({"train": OPENED}, None, None)

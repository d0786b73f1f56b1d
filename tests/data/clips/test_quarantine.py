"""The list of bad files: each once, also over a resumed run, and a limit that stops."""

import json
import os
import stat

import numpy as np
import pytest

from ila_jax.data.clips.quarantine import Quarantine
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import Reason

SOURCE = ListSource([LabelledFile(f"/d/clip {i}é.mp4", i % 3) for i in range(10)])


def bad(*rows: tuple[int, int]) -> np.ndarray:
    """As in a batch: int32 [2 clips, 4 tries, 2]."""
    out = np.full((2, 4, 2), -1, np.int32)
    for k, row in enumerate(rows):
        out[k % 2, k // 2] = row
    return out


def entries(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_file_is_listed_once(tmp_path):
    path = tmp_path / "run" / "quarantine.jsonl"
    quarantine = Quarantine(path)
    assert quarantine.add(bad(), SOURCE) == 0
    assert not path.exists()
    assert quarantine.add(bad((4, Reason.DAMAGED), (0, Reason.MISSING), (4, 7)), SOURCE) == 2
    assert quarantine.add(bad((0, Reason.MISSING)), SOURCE) == 0
    expected = [
        {"path": "/d/clip 4é.mp4", "reason": "DAMAGED", "label": 1},
        {"path": "/d/clip 0é.mp4", "reason": "MISSING", "label": 0},
    ]
    assert entries(path) == expected
    resumed = Quarantine(path)
    assert len(resumed) == 2
    assert "/d/clip 4é.mp4" in resumed
    assert resumed.add(bad((4, Reason.DAMAGED), (5, Reason.EMPTY)), SOURCE) == 1
    assert entries(path) == [*expected, {"path": "/d/clip 5é.mp4", "reason": "EMPTY", "label": 2}]


def test_the_list_is_one_that_others_may_read(tmp_path):
    path = tmp_path / "quarantine.jsonl"
    before = os.umask(0)
    try:
        Quarantine(path).add(bad((4, Reason.DAMAGED)), SOURCE)
    finally:
        os.umask(before)
    assert stat.filemode(path.stat().st_mode) == "-rw-r--r--"


def test_a_line_cut_by_a_crash(tmp_path):
    path = tmp_path / "quarantine.jsonl"
    Quarantine(path).add(bad((4, Reason.DAMAGED), (5, Reason.EMPTY)), SOURCE)
    os.truncate(path, path.stat().st_size - 9)
    resumed = Quarantine(path)
    assert len(resumed) == 1
    resumed.add(bad((5, Reason.EMPTY)), SOURCE)
    assert json.loads(path.read_text().splitlines()[-1])["path"] == "/d/clip 5é.mp4"
    assert len(Quarantine(path)) == 2


def test_too_many_bad_files_stop_the_run(tmp_path):
    quarantine = Quarantine(tmp_path / "quarantine.jsonl")
    quarantine.add(bad((4, Reason.DAMAGED), (5, Reason.EMPTY), (6, Reason.EMPTY)), SOURCE)
    quarantine.check(10, 0.3)
    with pytest.raises(
        RuntimeError, match=r"3 of 10 videos cannot be read, .* 0.2 allows"
    ) as caught:
        quarantine.check(10, 0.2)
    assert "2 x The file is empty." in str(caught.value)
    assert "quarantine.jsonl" in str(caught.value)

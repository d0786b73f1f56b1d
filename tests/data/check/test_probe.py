"""Decoding in processes that can be ended."""

import os
import signal

import numpy as np

from ila_jax.data.check.probe import probe
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from tests.data.videos import write_slow, write_video


class Crashing:
    """A source at whose second video the process dies."""

    labels = np.zeros(3, np.int32)

    def __init__(self, data: bytes):
        self._data = data

    def __len__(self):
        return 3

    def name(self, index):
        return str(index)

    def read(self, index):
        if index == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        return self._data


def test_a_sample_with_a_file_that_is_never_read_to_its_end(tmp_path):
    write_video(tmp_path / "0.mp4", count=12, size=(32, 48))
    write_slow(tmp_path / "1.mp4")
    (tmp_path / "2.mp4").write_bytes(b"text")
    write_video(tmp_path / "3.mp4", count=1, size=(32, 32))
    source = ListSource([LabelledFile(str(tmp_path / f"{i}.mp4"), 0) for i in range(5)])
    good, hangs, text, one, missing = probe(source, range(5), limit=2.0, processes=2)
    assert [p.index for p in (good, hangs, text, one, missing)] == [0, 1, 2, 3, 4]
    assert good.problem is None
    assert (good.frames, good.width, good.height) == (12, 48, 32)
    assert abs(good.seconds - 12 / 25) < 0.01
    assert good.size == (tmp_path / "0.mp4").stat().st_size
    assert hangs.fatal
    assert hangs.problem == "Reading and decoding it did not end within 2 seconds."
    assert "no video container" in text.problem
    assert not text.fatal
    assert (one.frames, one.seconds) == (1, 0.0)
    assert missing.problem == "There is no file at this path."


def test_a_crash_costs_one_file(tmp_path):
    data = write_video(tmp_path / "0.mp4", count=3, size=(32, 32)).read_bytes()
    first, crash, last = probe(Crashing(data), range(3), limit=20.0, processes=1)
    assert first.problem is last.problem is None
    assert crash.fatal
    assert crash.problem == f"The decoder crashed (exit code -{signal.SIGSEGV:d})."


def test_nothing_to_probe(tmp_path):
    assert probe(ListSource([]), [], limit=1.0, processes=2) == []

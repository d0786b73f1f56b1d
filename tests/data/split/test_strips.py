"""Strips of pictures: which frames they show, and that they are kept and made once."""

import json
import os

import numpy as np
import pytest

from ila_jax.data.split import strip_cache
from ila_jax.data.split.strip_cache import read_strips
from ila_jax.data.split.strips import make_strip
from tests.data.split.recut import write


def grey(levels, path, rate):
    """A video of plain frames of these levels."""
    write(path, [np.full((32, 32, 3), level, np.uint8) for level in levels], rate=rate, crf=1)
    return path


def test_pictures_are_a_fixed_time_apart_whatever_the_frame_rate(tmp_path):
    # Frame k of 20 a second begins at k/20 s, so that every second one is shown at k/10 s.
    strip = make_strip(grey(range(50, 110, 5), tmp_path / "20.mp4", 20).read_bytes())
    assert (strip.step, strip.pictures.shape) == (0.1, (6, 16, 16))
    np.testing.assert_allclose(strip.pictures[:, 0, 0], range(50, 110, 10), atol=2)
    # Of 5 a second, each is shown twice.
    strip = make_strip(grey([50, 80, 110], tmp_path / "5.mp4", 5).read_bytes())
    np.testing.assert_allclose(strip.pictures[:, 0, 0], [50, 50, 80, 80, 110], atol=2)


def test_long_videos_have_no_more_pictures_but_wider_steps(tmp_path):
    strip = make_strip(grey(np.arange(100) + 50, tmp_path / "a.mp4", 10).read_bytes())
    assert strip.step == 0.4  # 9.9 s: 100 and 50 pictures would be too many
    np.testing.assert_allclose(strip.pictures[:, 0, 0], np.arange(50, 150, 4), atol=2)
    np.testing.assert_allclose(strip.at_step(0.8)[:, 0, 0], np.arange(50, 150, 8), atol=2)


@pytest.fixture
def here(monkeypatch):
    """Strips are made in this process; the paths that were read."""
    read = []

    def run(work, tasks, **_):
        for task in tasks:
            yield task, work(task, {}, lambda item: None)
            read.append(work.paths[task])

    monkeypatch.setattr(strip_cache.pool, "run", run)
    return read


def strips_of(paths, cache):
    return read_strips([str(path) for path in paths], cache=cache, processes=1, limit=60)


def test_strips_are_made_once_and_again_for_what_has_changed(tmp_path, here):
    paths = [grey([50, 60 + k, 70], tmp_path / f"{k}.mp4", 10) for k in range(3)]
    cache = tmp_path / "new" / "cache"
    first = strips_of(paths, cache)
    assert here == [str(path) for path in paths]
    here.clear()
    grey([90, 90], paths[1], 10)
    cache.write_text(cache.read_text()[:-40])  # killed in the middle of the last line
    again = strips_of(paths, cache)
    assert here == [str(path) for path in paths[1:]]
    assert len(again[1].pictures) == 2
    np.testing.assert_array_equal(again[2].pictures, first[2].pictures)
    here.clear()
    assert len(strips_of(paths, cache)) == 3
    assert here == []


def test_what_cannot_be_read_is_tried_again_each_time(tmp_path, here):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    paths, cache = [tmp_path / "a.mp4", tmp_path / "gone.mp4"], tmp_path / "cache"
    for _ in range(2):
        bad, gone = strips_of(paths, cache)
        assert "no video container" in bad.problem
        assert gone.problem == "There is no file at this path."
    assert here == [str(paths[0])] * 2


def test_a_line_of_another_version_is_of_no_use(tmp_path, here):
    path, cache = grey([50, 60], tmp_path / "a.mp4", 10), tmp_path / "cache"
    strips_of([path], cache)
    line = json.loads(cache.read_text())
    cache.write_text(json.dumps([line[0] + 1, *line[1:]]) + "\n")
    strips_of([path], cache)
    assert len(here) == 2


def test_a_process_reads_for_this_one(tmp_path):
    path = grey([50, 60, 70], tmp_path / "a.mp4", 10)
    (strip,) = read_strips([os.fspath(path)], cache=None, processes=1, limit=60)
    np.testing.assert_allclose(strip.pictures[:, 0, 0], [50, 60, 70], atol=2)

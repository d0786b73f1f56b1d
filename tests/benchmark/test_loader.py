"""The benchmark of the loader counts the clips that it says, and draws the right conclusions."""

import dataclasses

import numpy as np
import pytest

from ila_jax.benchmark import loader
from ila_jax.benchmark.loader import PARTS, Throughput, measure
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from tests.data.videos import write_video

RECIPE = ClipRecipe(frames=2, size=28, sampling="segments", scales=(1.0,))
# Seconds that give whole numbers: 8 of the cores, and of the others 1 and 2.
FOUND = Throughput(
    clips=64,
    unreadable=0,
    cores=4,
    threads=4,
    processes=0,
    seconds={"read": 0.5, "decode": 6.5, "crop_resize": 1.0, "batch": 1.0, "to_device": 2.0},
    decode_rate=0.6,
    end_to_end_rate=0.4,
    ratio=0.67,
)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return [str(write_video(folder / f"{i}.mp4", count=12, offset=i)) for i in range(4)]


def run(paths, **changes):
    put, steps = [], []
    how = {"batch": 3, "batches": 2, "rounds": 2, "threads": 2, "processes": 0} | changes
    source = ListSource([LabelledFile(path, 0) for path in paths])
    found = measure(source, RECIPE, **how, put=put.append, step=steps.append)
    return found, put, steps


def test_every_part_is_measured_on_the_clips_that_are_trained_on(paths):
    found, put, steps = run(paths)
    assert (found.clips, found.unreadable, found.threads) == (6, 0, 2)
    assert tuple(found.seconds) == PARTS
    assert all(seconds > 0 for seconds in found.seconds.values())
    assert found.decode_rate > 0 < found.end_to_end_rate
    assert len(steps) == 3 + 2 * 2
    # What is put on the device alone: once to set up and three times timed; and two batches of
    # six in each round, the first two and the last two of which surround those that are timed.
    assert [batch["video"].shape for batch in put] == [(3, 2, 28, 28, 3)] * (1 + 3 + 2 * (2 + 2))
    assert {tuple(batch) for batch in put} == {("video", "label")}


def test_bad_videos_are_left_out_and_counted(paths, tmp_path):
    found, _, _ = run([*paths, str(tmp_path / "nothing.mp4")], batch=5)
    assert (found.clips, found.unreadable) == (10, 2)
    with pytest.raises(ValueError, match=r"none of 6 videos could be read, the first is .*nothing"):
        run([str(tmp_path / "nothing.mp4")] * 4)


def test_what_is_held_in_memory_is_bounded(paths, monkeypatch):
    size = len(ListSource([LabelledFile(paths[0], 0)]).read(0))
    monkeypatch.setattr(loader, "_HELD", int(2.5 * size))
    source = ListSource([LabelledFile(paths[0], 0)] * 4)
    clips, unreadable, _ = loader._read(source, RECIPE, [(0, k) for k in range(4)])
    assert (len(clips), unreadable) == (2, 0)


def test_conclusions():
    assert FOUND.outside_decode == 2.5 / 6.5
    assert FOUND.rate_per_core == 1 / 9
    # Four cores share 8 s, 2 s a clip; the transfer takes as long, and decoding is named first.
    assert FOUND.limit == "decode"
    assert dataclasses.replace(FOUND, cores=5).limit == "to_device"
    assert (
        dataclasses.replace(FOUND, cores=5, seconds=FOUND.seconds | {"batch": 3}).limit == "batch"
    )
    assert dataclasses.replace(FOUND, seconds=FOUND.seconds | {"read": 90}).limit == "read"
    assert FOUND.cores_for(0.5) == 5  # 4.5 cores
    assert FOUND.cores_for(0.51) is None  # the transfer allows one clip in 2 s


def test_a_clip_is_drawn_as_in_training(paths):
    """The frames that are decoded alone are those of the training clips."""
    source = ListSource([LabelledFile(path, 0) for path in paths])
    clips, _, _ = loader._read(source, RECIPE, [(3, 1)])
    _, _, (video,) = loader._one_core(RECIPE, clips)
    expected, _ = RECIPE.train_clip(source.read(1), loader.element_generator(0, 3, 1))
    np.testing.assert_array_equal(video, expected)

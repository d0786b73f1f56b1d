"""Batches depend on the seed and the step alone, and bad files are replaced, reported, masked."""

import dataclasses
import time

import numpy as np
import pytest

from ila_jax.data.clips.order import TrainOrder, element_generator
from ila_jax.data.clips.pipeline import Loading, evaluation_batches, train_batches
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.replacement import MAX_TRIES
from ila_jax.data.clips.sampling import dense, interval, segments
from ila_jax.data.clips.transforms import (
    CentreCrop,
    MultiScaleCrop,
    ShortSide,
    resize,
    short_side,
)
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import write_video

RECIPE = ClipRecipe(frames=4, size=28, sampling="segments", scales=(1.0, 0.875, 0.75, 0.66))
INTERVAL = ClipRecipe(frames=4, size=28, sampling="interval", scales=(1.0,))
CLASSES = 3
# Videos that cannot be read, and why; class 1 keeps 4 and 7, class 2 keeps 2 and 11.
BAD = {5: Reason.MISSING, 8: Reason.EMPTY, 10: Reason.DAMAGED, 1: Reason.NOT_VIDEO_FILE}
SHORT = 3  # a video of 2 frames


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> ListSource:
    """13 videos in 3 classes, i % 3 is the class of video i."""
    folder = tmp_path_factory.mktemp("clips")
    examples = []
    for i in range(13):
        path = folder / f"clip {i}.mp4"
        count = 2 if i == SHORT else 12 + i
        options = {"g": "6", "movflags": "faststart"}
        write_video(path, count=count, options={"preset": "ultrafast"}, offset=i, muxer=options)
        examples.append(LabelledFile(str(path), i % CLASSES))
    (folder / "clip 5.mp4").unlink()
    (folder / "clip 8.mp4").write_bytes(b"")
    data = (folder / "clip 10.mp4").read_bytes()
    (folder / "clip 10.mp4").write_bytes(data[: len(data) // 2])
    (folder / "clip 1.mp4").write_text("Not found\n" * 100)
    return ListSource(examples)


def train(source, recipe=RECIPE, *, seed=0, first_step=0, steps=6, on_bad="replace", **loading):
    settings = Loading(**{"batch": 4} | loading)
    span = {"seed": seed, "first_step": first_step, "steps": steps, "on_bad": on_bad}
    return list(train_batches(source, recipe, settings, **span))


def evaluate(source, recipe=RECIPE, *, frame_order="forward", seed=0, **loading):
    settings = Loading(**{"batch": 4} | loading)
    return list(evaluation_batches(source, recipe, settings, frame_order=frame_order, seed=seed))


def joined(batches) -> dict[str, np.ndarray]:
    return {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}


def assert_equal(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], key)


def test_what_a_batch_holds(source):
    (batch,) = train(source, steps=1)
    shapes = {key: (value.dtype.name, value.shape) for key, value in batch.items()}
    assert shapes == {
        "video": ("uint8", (4, 4, 28, 28, 3)),
        "label": ("int32", (4,)),
        "index": ("int32", (4,)),
        "short": ("bool", (4,)),
        "bad": ("int32", (4, MAX_TRIES, 2)),
    }


def test_a_training_clip_is_decode_sample_crop(source):
    """Against the parts in their written order, for each clip of an epoch whose file is good."""
    order = TrainOrder(len(source), 4, seed=5)
    rows = joined(train(source, seed=5, steps=6))
    for position in range(24):
        clip = {key: value[position] for key, value in rows.items()}
        epoch, example = order(position)
        rng = element_generator(5, epoch, example)
        index = index_video(source.read(int(clip["index"])))
        frames = segments(index.count, 4, rng)
        expected = MultiScaleCrop(28, RECIPE.scales)(decode(index, frames), rng)
        np.testing.assert_array_equal(clip["video"], expected)
        assert clip["label"] == example % CLASSES == clip["index"] % CLASSES
        assert clip["short"] == (clip["index"] == SHORT)
        assert (clip["index"] == example) == (example not in BAD)


def test_a_training_clip_without_scales_is_the_middle_of_random_frames(source):
    recipe, data = dataclasses.replace(RECIPE, scales=()), source.read(0)
    index = index_video(data)
    frames = segments(index.count, 4, np.random.default_rng(7))
    clip, short = recipe.train_clip(data, np.random.default_rng(7))
    expected = CentreCrop(28)(ShortSide(short_side(28))(decode(index, frames)))
    np.testing.assert_array_equal(clip, expected)
    assert not short


def test_balanced_batches_show_a_clip_again_otherwise(source):
    """Video 2 is the only one of class 2, videos 4 and 7 of class 1."""
    labels = np.array([0, 0, 2, 0, 1, 0, 0, 1] + [0] * 5, np.int32)
    files = [LabelledFile(source.name(i), int(label)) for i, label in enumerate(labels)]
    settings = {"seed": 0, "first_step": 0, "steps": 3, "balanced": True}
    rows = joined(list(train_batches(ListSource(files), RECIPE, Loading(4), **settings)))
    again = list(train_batches(ListSource(files), RECIPE, Loading(4), **settings | {
        "first_step": 2, "steps": 1
    }))  # fmt: skip
    np.testing.assert_array_equal(again[0]["video"], rows["video"][8:])
    twos = rows["video"][rows["label"] == 2]
    assert len(twos) >= 3
    assert len({clip.tobytes() for clip in twos}) == len(twos)


@pytest.mark.parametrize(("threads", "processes"), [(2, 0), (0, 2)])
def test_batches_do_not_depend_on_threads_and_processes(source, threads, processes):
    batches = train(source, first_step=2, threads=threads, processes=processes)
    assert_equal(batches, train(source, first_step=2))


@pytest.mark.parametrize(("threads", "processes"), [(2, 0), (2, 1)])
def test_evaluation_does_not_depend_on_threads_and_processes(source, threads, processes):
    batches = evaluate(source, threads=threads, processes=processes)
    assert_equal(batches, evaluate(source))


def test_batches_do_not_depend_on_hosts(source):
    whole = train(source)
    parts = [train(source, process_index=p, process_count=2) for p in range(2)]
    assert parts[0][0]["label"].shape == (2,)
    assert_equal([joined(pair) for pair in zip(*parts, strict=True)], whole)


def test_resuming_is_starting_at_the_step(source):
    whole = train(source, steps=8)  # 3 steps an epoch: over two ends of an epoch
    assert_equal(train(source, first_step=5, steps=3), whole[5:])
    assert train(source, steps=0) == []


def test_dense_clips(source):
    """Those of a stride that fits, and those of the video of 2 frames, which repeats them."""
    recipe = ClipRecipe(frames=4, size=28, sampling="dense", scales=(1.0,), stride=3)
    order, rows = TrainOrder(len(source), 4, seed=0), joined(train(source, recipe))
    for position in range(24):
        epoch, example = order(position)
        index = index_video(source.read(int(rows["index"][position])))
        frames = dense(index.count, 4, stride=3, rng=(rng := element_generator(0, epoch, example)))
        assert (np.diff(frames) == 3).all() == (index.count >= 10)
        expected = MultiScaleCrop(28, (1.0,))(decode(index, frames), rng)
        np.testing.assert_array_equal(rows["video"][position], expected)
        assert rows["short"][position] == (index.count < 4)
    evaluated = joined(evaluate(source, recipe))
    for i, frames in ((12, [7, 10, 13, 16]), (SHORT, [0, 0, 1, 1])):  # 24 and 2 frames
        expected = CentreCrop(28)(ShortSide(32)(decode(index_video(source.read(i)), frames)))
        np.testing.assert_array_equal(evaluated["video"][i], expected)
    with pytest.raises(ValueError, match=r"dense with a stride of None"):
        ClipRecipe(frames=4, size=28, sampling="dense", scales=(1.0,))


def test_a_run_goes_on_with_other_processes_and_threads(source):
    """Stopped in the second epoch by one process, resumed by two that load with threads."""
    whole = train(source, steps=6)
    parts = [
        train(source, first_step=4, steps=2, threads=2, process_index=p, process_count=2)
        for p in range(2)
    ]
    rest = [joined(pair) for pair in zip(*parts, strict=True)]
    assert_equal([*train(source, steps=4), *rest], whole)


def test_an_epoch_and_a_seed_change_the_clips(source, tmp_path):
    good = ListSource([LabelledFile(source.name(0), 0)])
    one, two = train(good, batch=1, steps=2)
    (other,) = train(good, batch=1, steps=1, seed=1)
    assert (one["video"] != two["video"]).any()
    assert (one["video"] != other["video"]).any()
    # Fixed intervals and a box as large as the square picture leave nothing to chance.
    square = LabelledFile(str(write_video(tmp_path / "a.mp4", size=(48, 48), count=20)), 0)
    one, two = train(ListSource([square]), INTERVAL, batch=1, steps=2)
    np.testing.assert_array_equal(one["video"], two["video"])
    index = index_video(ListSource([square]).read(0))
    expected = resize(decode(index, [2, 7, 12, 17]), height=32, width=32)
    np.testing.assert_array_equal(one["video"][0], resize(expected, height=28, width=28))


def test_bad_files_are_replaced_within_their_class(source):
    rows = joined(train(source, steps=6))
    reported = {(i, r) for i, r in rows["bad"].reshape(-1, 2).tolist() if i >= 0}
    assert reported == set(BAD.items())
    order = TrainOrder(len(source), 4, seed=0)
    # Each goes to the next of its class: 1 -> 4; 5 -> 8 (bad) -> 11; 8 -> 11; 10 -> 1 (bad) -> 4.
    expected = {1: (4, [1]), 5: (11, [5, 8]), 8: (11, [8]), 10: (4, [10, 1])}
    for position, index in enumerate(rows["index"].tolist()):
        example = order(position)[1]
        replacement, tried = expected.get(example, (example, []))
        assert index == replacement
        bad = rows["bad"][position]
        assert bad[: len(tried), 0].tolist() == tried
        assert (bad[len(tried) :] == -1).all()


def test_fail_names_the_file(source):
    with pytest.raises(BadVideo, match=r"clip \d+\.mp4") as caught:
        train(source, on_bad="fail")
    assert caught.value.reason in BAD.values()


def test_fail_comes_back_from_a_process(source):
    with pytest.raises(BadVideo, match=r"clip \d+\.mp4"):
        train(source, on_bad="fail", processes=1)


def test_a_class_without_a_readable_video(tmp_path):
    source = ListSource([LabelledFile(str(tmp_path / f"{i}.mp4"), 7) for i in range(3)])
    with pytest.raises(ValueError, match=r"no video of class 7 to show: all 3 tried .* no file"):
        train(source, batch=1, steps=1)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("batch", [2, 4, 8, 16])
def test_evaluation_shows_every_video_once(source, batch, count):
    parts = [
        evaluate(source, batch=batch, process_index=p, process_count=count) for p in range(count)
    ]
    assert {len(part) for part in parts} == {-(-13 // batch)}
    rows = joined([batch for part in parts for batch in part])
    index = rows["index"]
    assert sorted(index[index >= 0].tolist()) == list(range(13))
    assert sorted(index[rows["mask"]].tolist()) == [i for i in range(13) if i not in BAD]
    reported = {(i, r) for i, r in rows["bad"].reshape(-1, 2).tolist() if i >= 0}
    assert reported == set(BAD.items())
    assert (rows["video"][~rows["mask"]] == 0).all()
    np.testing.assert_array_equal(rows["label"], np.where(index >= 0, index % CLASSES, -1))


def test_an_evaluation_clip_and_its_orders(source):
    forward, backward, shuffled = (
        joined(evaluate(source, frame_order=order, seed=3))
        for order in ("forward", "reversed", "shuffled")
    )
    for i in (0, 2, 4, 12):
        index = index_video(source.read(i))
        expected = decode(index, interval(index.count, 4))
        expected = CentreCrop(28)(ShortSide(32)(expected))
        np.testing.assert_array_equal(forward["video"][i], expected)
        np.testing.assert_array_equal(backward["video"][i], expected[::-1])
        images = [frame.tobytes() for frame in expected]
        order = [images.index(frame.tobytes()) for frame in shuffled["video"][i]]
        assert sorted(order) == [0, 1, 2, 3] != order
    again = joined(evaluate(source, frame_order="shuffled", seed=3))
    np.testing.assert_array_equal(again["video"], shuffled["video"])
    other = joined(evaluate(source, frame_order="shuffled", seed=4))
    assert (other["video"] != shuffled["video"]).any()


def test_what_cannot_be_asked_for(source):
    with pytest.raises(ValueError, match="on_bad is 'skip': expected replace or fail"):
        train(source, on_bad="skip")
    with pytest.raises(ValueError, match="frame_order is 'random'"):
        evaluate(source, frame_order="random")
    one = ClipRecipe(frames=1, size=28, sampling="interval", scales=(1.0,))
    with pytest.raises(ValueError, match="one frame cannot be shuffled"):
        evaluate(source, one, frame_order="shuffled")
    with pytest.raises(ValueError, match="13 videos do not fill one batch of 14"):
        train_batches(source, RECIPE, Loading(14), seed=0, first_step=0, steps=1)


def test_loading_runs_no_further_ahead_than_a_batch():
    class Counting(ListSource):
        reads = 0

        def read(self, index):
            Counting.reads += 1
            return super().read(index)

    source = Counting([LabelledFile("/nothing.mp4", 0)] * 400)
    batches = evaluation_batches(source, RECIPE, Loading(4, threads=2))
    next(batches)
    time.sleep(0.2)
    assert 4 <= Counting.reads <= 4 + 4 + 2 + 1
    batches.close()

"""Twelve views of a video from one decode, each as if it had been made alone."""

import dataclasses

import numpy as np
import pytest

from ila_jax.data.clips import views as module
from ila_jax.data.clips.pipeline import Loading, evaluation_batches, view_batches
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.sampling import dense_clip, interleaved_clip
from ila_jax.data.clips.transforms import CentreCrop, ShortSide
from ila_jax.data.clips.views import Views
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import write_video

RECIPE = ClipRecipe(frames=4, size=28, sampling="segments", scales=(1.0,))
DENSE = dataclasses.replace(RECIPE, sampling="dense", stride=3)
WIDE, TALL, SHORT, BAD = range(4)
COUNTS = {WIDE: 25, TALL: 22, SHORT: 3}


def views(recipe=RECIPE, *, clips=4, crops=3, sampling="fixed", seed=0) -> Views:
    return Views(recipe=recipe, clips=clips, crops=crops, sampling=sampling, seed=seed)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> ListSource:
    """A landscape video, a portrait one, one of three frames, and one that is no video."""
    folder = tmp_path_factory.mktemp("views")
    write_video(folder / "0.mp4", count=COUNTS[WIDE], size=(36, 64), options={"g": "6"})
    write_video(folder / "1.mp4", count=COUNTS[TALL], size=(36, 64), rotation=90.0)
    write_video(folder / "2.mp4", count=COUNTS[SHORT], size=(40, 40))
    (folder / "3.mp4").write_text("Not found")
    return ListSource([LabelledFile(str(folder / f"{i}.mp4"), i) for i in range(4)])


def alone(source, video, frames, crop, crops):
    """One view, decoded, resized and cropped for itself."""
    clip = decode(index_video(source.read(video)), frames)
    if crops == 1:
        return CentreCrop(28)(ShortSide(32)(clip))
    clip = ShortSide(28)(clip)
    at = crop * ((max(clip.shape[1:3]) - 28) // (crops - 1))
    return clip[:, at : at + 28] if clip.shape[1] > clip.shape[2] else clip[:, :, at : at + 28]


@pytest.mark.parametrize(("clips", "crops"), [(4, 3), (1, 3), (3, 1), (2, 5)])
@pytest.mark.parametrize("video", [WIDE, TALL, SHORT])
def test_each_view_is_as_if_made_alone(source, video, clips, crops):
    result, short = views(clips=clips, crops=crops)(source.read(video), video)
    assert result.shape == (clips * crops, 4, 28, 28, 3)
    assert short == (video == SHORT)
    for k in range(clips):
        frames = interleaved_clip(COUNTS[video], 4, clip=k, clips=clips)
        for j in range(crops):
            expected = alone(source, video, frames, j, crops)
            np.testing.assert_array_equal(result[k * crops + j], expected, f"clip {k}, crop {j}")


def test_dense_views(source):
    result, _ = views(DENSE, clips=2)(source.read(WIDE), WIDE)
    for k in range(2):
        frames = dense_clip(25, 4, stride=3, clip=k, clips=2)
        np.testing.assert_array_equal(result[3 * k + 1], alone(source, WIDE, frames, 1, 3))


def test_one_view_is_what_validation_sees(source):
    result, _ = views(clips=1, crops=1)(source.read(WIDE), WIDE)
    expected, _ = RECIPE.evaluation_clip(source.read(WIDE), np.arange(4))
    np.testing.assert_array_equal(result, expected[None])


def test_twelve_views_take_one_decode_and_one_resize_a_frame(source, monkeypatch):
    decodes, resized = [], []

    def counting(index, frames, *, transform):
        decodes.append(list(frames))
        count = lambda *frame: resized.append(1) or transform(*frame)  # noqa: E731
        return decode(index, frames, transform=count)

    monkeypatch.setattr(module, "decode", counting)
    (batch,) = view_batches(source, views(), Loading(4))
    assert batch["video"].shape == (4, 12, 4, 28, 28, 3)
    union = [
        np.unique([interleaved_clip(count, 4, clip=k, clips=4) for k in range(4)])
        for count in (25, 22, 3)
    ]
    assert decodes == [frames.tolist() for frames in union]
    assert len(resized) == sum(map(len, union)) == 16 + 16 + 3


def test_random_clips_are_drawn_from_the_segments_by_seed_and_video():
    for recipe in (RECIPE, dataclasses.replace(RECIPE, sampling="interval")):
        drawn = views(recipe, sampling="random")
        clips = drawn.frames(400, video=7)
        assert clips.shape == (4, 4)
        assert (clips // 100 == np.arange(4)).all()  # as the released code, whatever training does
        assert len({tuple(clip) for clip in clips.tolist()}) == 4
        np.testing.assert_array_equal(drawn.frames(400, video=7), clips)
        assert (drawn.frames(400, video=8) != clips).any()
        other = dataclasses.replace(drawn, seed=1)
        assert (other.frames(400, video=7) != clips).any()
    dense = views(DENSE, sampling="random").frames(400, video=7)
    assert (np.diff(dense) == 3).all()
    assert len(set(dense[:, 0])) > 1


@pytest.mark.parametrize(("threads", "processes"), [(2, 0), (0, 1)])
def test_views_do_not_depend_on_threads_and_processes(source, threads, processes):
    drawn = views(sampling="random")
    single, parallel = (
        list(view_batches(source, drawn, Loading(2, t, p)))
        for t, p in ((0, 0), (threads, processes))
    )
    assert len(single) == len(parallel) == 2
    for one, other in zip(single, parallel, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], key)


def test_rows_are_those_of_validation(source):
    (one,) = evaluation_batches(source, RECIPE, Loading(4))
    (many,) = view_batches(source, views(), Loading(4))
    for key in one.keys() - {"video"}:
        np.testing.assert_array_equal(many[key], one[key], key)
    assert many["mask"].tolist() == [True, True, True, False]
    assert many["bad"][BAD].tolist() == [[BAD, Reason.NOT_VIDEO_FILE]]
    assert not many["video"][BAD].any()


def test_a_stopped_evaluation_goes_on_with_other_processes(source):
    """After video 1 by one process, the rest by two: each video once."""
    begun = next(view_batches(source, views(), Loading(1)))["index"].tolist()
    rest = [
        row
        for process in range(2)
        for batch in view_batches(
            source, views(), Loading(2, process_index=process, process_count=2), first=1
        )
        for row in batch["index"].tolist()
    ]
    assert sorted(begun + rest) == [-1, 0, 1, 2, 3]
    assert list(view_batches(source, views(), Loading(2), first=4)) == []
    with pytest.raises(ValueError, match="video 5 of 4"):
        view_batches(source, views(), Loading(2), first=5)


def test_what_cannot_be_asked_for():
    with pytest.raises(ValueError, match="4 clips x 0 crops"):
        views(crops=0)
    with pytest.raises(ValueError, match="'even': expected fixed or random"):
        views(sampling="even")

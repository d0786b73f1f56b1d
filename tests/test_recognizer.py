"""The public model on videos: the same from a path, bytes and frames, and words for the rest."""

import io

import numpy as np
import pytest

import ila_jax
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.views import Views, evaluation_views
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video
from ila_jax.recognizer import Origin, Recognizer
from ila_jax.weights.folder import save
from tests.data.videos import H264, write_sound, write_video
from tests.models import small
from tests.train import runs

NAMES = ["one", "two", "three", "four", "five"]
# Spatial attention alone: what is tested lies around the model, and this one compiles fast.
CONFIG = small.config("spatial", "linear")


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer(CONFIG, small.filled(CONFIG), NAMES)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("videos") / "clip.mp4", options=H264)


def test_a_path_bytes_a_file_and_frames_are_the_same_video(recognizer, video):
    data = video.read_bytes()
    index = index_video(data)
    found = recognizer.predict(video, top_k=5)
    assert [one.name for one in found] != NAMES  # in the order of probability, not of number
    assert sorted(one.name for one in found) == sorted(NAMES)
    shares = [one.probability for one in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    with video.open("rb") as file:
        assert recognizer.predict(file) == found
    assert recognizer.predict(str(video)) == found
    assert recognizer.predict(data) == found
    assert recognizer.predict(memoryview(data), top_k=1) == found[:1]
    assert recognizer.predict(decode(index, range(index.count))) == found


def test_probabilities_are_the_mean_over_the_views(recognizer, video):
    views = recognizer.look(video)
    assert views.shape == (12, small.FRAMES, 16, 16, 3)  # the paper's 4 x 3
    shares = recognizer.probabilities(views)
    found = {one.name: one.probability for one in recognizer.predict(video, top_k=99)}
    assert [found[name] for name in NAMES] == pytest.approx(shares.mean(axis=0))
    one = recognizer.with_views(clips=1, crops=1)
    # In the order of the views: the same as of each view by itself.
    np.testing.assert_allclose(shares, one.probabilities(views), atol=1e-6)
    assert one.look(video).shape[0] == 1
    assert one.predict(video) != recognizer.predict(video)


def test_of_classes_equally_probable_the_first_is_named_first(recognizer):
    found = recognizer.best(np.array([0.1, 0.3, 0.2, 0.3, 0.1]), 4)
    assert [one.name for one in found] == ["two", "four", "three", "one"]


def test_other_classes_or_views_leave_the_rest_as_it_is():
    origin = Origin(kind="ila")
    made = Recognizer(CONFIG, small.filled(CONFIG), origin=origin).with_views(clips=2, crops=1)
    named = made.with_classes([f" {name} " for name in NAMES])
    assert (named.class_names, named.origin, named.views) == (tuple(NAMES), origin, made.views)
    again = named.with_views(clips=3, crops=3)
    assert (again.class_names, again.origin) == (tuple(NAMES), origin)
    with pytest.raises(ValueError, match="only a text head takes classes at will"):
        named.with_classes(NAMES[::-1])  # the same, of other numbers


def test_what_is_no_video_is_told_in_words(recognizer, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    write_sound(tmp_path / "sound.mp4")
    with pytest.raises(BadVideo, match="no file at this path"):
        recognizer.predict(tmp_path / "missing.mp4")
    with pytest.raises(BadVideo, match="no video container"):
        recognizer.predict(tmp_path / "text.mp4")
    with pytest.raises(BadVideo, match="no video stream"):
        recognizer.predict(tmp_path / "sound.mp4")
    with pytest.raises(BadVideo, match="empty"):
        recognizer.predict(io.BytesIO(b""))
    with pytest.raises(TypeError, match="expected a path, bytes, a file opened with 'rb'"):
        recognizer.predict(io.StringIO("text"))
    with pytest.raises(ValueError, match=r"frames are float32 \[4, 8, 8, 3\]: expected uint8"):
        recognizer.predict(np.zeros((4, 8, 8, 3), np.float32))
    with pytest.raises(ValueError, match=r"frames are uint8 \[0, 8, 8, 3\]: expected"):
        recognizer.predict(np.zeros((0, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="top_k is 0"):
        recognizer.predict(np.zeros((4, 8, 8, 3), np.uint8), top_k=0)


def test_a_linear_head_takes_names_only_where_it_has_none(recognizer, video):
    nameless = Recognizer(CONFIG, small.filled(CONFIG))
    with pytest.raises(ValueError, match=r"its classes are called: .* --classes 'clapping,waving'"):
        nameless.predict(video)
    assert nameless.with_classes(NAMES).predict(video) == recognizer.predict(video)
    with pytest.raises(ValueError, match="4 class names for a linear head of 5"):
        nameless.with_classes(NAMES[:4])
    with pytest.raises(ValueError, match="only a text head takes classes at will"):
        recognizer.with_classes(["clapping", "waving"])


def test_a_text_head_takes_any_classes(video):
    config = small.config("spatial", "text")
    text = Recognizer(config, small.filled(config)).with_views(clips=1, crops=1)
    two = text.with_classes(["clapping", "waving"]).predict(video)
    assert {one.name for one in two} == {"clapping", "waving"}
    assert text.with_classes(["waving", "clapping"]).predict(video) == two
    assert text.with_classes(["waving", "jumping"]).predict(video) != two
    for bad in ([], ["one", "one"], ["one", " "]):
        with pytest.raises(ValueError, match="expected some, none blank or given twice"):
            text.with_classes(bad)


def test_one_name_alone_is_no_list_of_names(video):
    config = small.config("spatial", "text")
    text = Recognizer(config, small.filled(config))
    for give in (text.with_classes, lambda names: Recognizer(config, text.variables, names)):
        with pytest.raises(ValueError, match="class names are 'dog': expected a list of names"):
            give("dog")
    assert text.with_classes(["dog"]).class_names == ("dog",)


def test_how_a_model_looks_at_videos_is_saved_with_it(tmp_path):
    dense = ClipRecipe(frames=3, size=16, sampling="dense", stride=4, scales=(1.0, 0.5))
    views = Views(recipe=dense, clips=5, crops=1, sampling="random", seed=7)
    save(Recognizer(CONFIG, small.filled(CONFIG), views=views), tmp_path / "weights")
    assert ila_jax.load(tmp_path / "weights").views == views


def test_a_run_says_how_its_model_looks_at_videos():
    changes = {"data.sampling": "dense", "data.stride": 2, "evaluation.clips": 2, "train.seed": 3}
    views = evaluation_views(runs.config(changes | {"data.train": "", "data.validation": ""}))
    assert (views.clips, views.crops, views.sampling, views.seed) == (2, 1, "fixed", 3)
    assert (views.recipe.frames, views.recipe.sampling, views.recipe.stride) == (4, "dense", 2)

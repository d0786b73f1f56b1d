"""The public model in Python: many videos at a time, features, the module and the pure function."""

import io
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ila_jax
from ila_jax.data.clips import many_videos
from ila_jax.data.video.decode import decode, index_video
from ila_jax.models import model
from ila_jax.pixels import normalise
from ila_jax.recognizer import Origin, Recognizer
from tests.data.videos import H264, write_sound, write_video
from tests.models import small

NAMES = ["one", "two", "three", "four", "five"]
CONFIG = small.config("spatial", "linear")


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer(CONFIG, small.filled(CONFIG), NAMES)


@pytest.fixture(scope="module")
def text():
    config = small.config("spatial", "text")
    return Recognizer(config, small.filled(config), NAMES[:2])


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """a.mp4, b.mp4, and short.webm of two frames."""
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "a.mp4", options=H264)
    write_video(folder / "b.mp4", options=H264, offset=30)
    write_video(folder / "short.webm", codec="libvpx-vp9", count=2)
    return folder


def test_a_batch_says_of_each_video_what_predict_says(recognizer, videos, tmp_path):
    write_sound(tmp_path / "sound.mp4")
    a, b, short = (videos / name for name in ("a.mp4", "b.mp4", "short.webm"))
    index = index_video(b.read_bytes())
    frames = decode(index, range(index.count))
    given = [
        a,
        tmp_path / "sound.mp4",
        str(b),
        b.read_bytes(),
        frames,
        frames[:0],
        "none.mp4",
        short,
    ]
    answers = list(recognizer.predict_batch(iter(given), 2, threads=2))
    assert [one.video for one in answers] == [
        *map(str, given[:3]), "video 3", "video 4", "video 5", "none.mp4", str(short)
    ]  # fmt: skip
    assert answers[0] == ila_jax.Answer(str(a), recognizer.predict(a, 2))
    of_b = recognizer.predict(b, 2)
    assert of_b != answers[0].predictions
    assert [one.predictions for one in answers[2:5]] == [of_b] * 3
    assert answers[7] == ila_jax.Answer(str(short), recognizer.predict(short, 2), short=True)
    problems = [answers[k].problem for k in (1, 5, 6)]
    for problem, words in zip(problems, ("no video stream", "uint8 [0, ", "no file"), strict=True):
        assert words in problem
    assert [one.problem for one in answers if one.predictions] == [None] * 5


def test_a_batch_takes_so_many_videos_ahead_and_no_more(recognizer, videos):
    taken = []

    def endless():
        while True:
            taken.append(None)
            yield videos / "a.mp4"

    answers = recognizer.predict_batch(endless(), threads=3)
    assert taken == []
    for number in range(3):
        next(answers)
        assert len(taken) == number + 4  # the one that is answered, and three that are decoded


def test_a_video_that_does_not_end_is_a_problem(recognizer, videos, monkeypatch):
    hangs = threading.Event()

    def views_of(views, video):
        return hangs.wait() if video == b"hangs" else original(views, video)

    original = many_videos.views_of
    monkeypatch.setattr(many_videos, "views_of", views_of)
    answers = recognizer.predict_batch([b"hangs"], time_limit=0.01)
    assert next(answers).problem == "It was not read and decoded in 0.01 s."
    hangs.set()
    assert next(recognizer.predict_batch([videos / "a.mp4"])).problem is None


def test_what_no_batch_can_answer_is_told_before_it_begins(recognizer):
    for wanted, words in (
        ({"top_k": 0}, "top_k is 0"),
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"threads": 0}, "threads is 0"),
    ):
        with pytest.raises(ValueError, match=words):
            recognizer.predict_batch([], **wanted)
    with pytest.raises(ValueError, match="does not know what its classes are called"):
        Recognizer(CONFIG, recognizer.variables).predict_batch([])
    with pytest.raises(TypeError, match="a video is int: expected a path"):
        next(recognizer.predict_batch([3]))


def test_a_threshold_names_all_classes_that_reach_it():
    eight = Recognizer(CONFIG, model.Variables({}, {}), [f"class {k}" for k in range(8)])
    shares = np.array([0.9, 0.5, 0.49, 0.0, 0.6, 0.7, 0.8, 0.55])

    def named(**wanted):
        return "".join(one.name[-1] for one in eight.best(shares, **wanted))

    assert named() == "06547"  # the five best
    assert named(threshold=0.5) == "065471"
    assert named(threshold=0.5, top_k=2) == "06"
    assert named(threshold=0.95) == ""


def test_features_of_a_video_are_those_of_its_views(recognizer, videos):
    features = recognizer.features(videos / "a.mp4")
    assert features.shape == (12, CONFIG.geometry().embed)
    pixels = normalise(jnp.asarray(recognizer.look(videos / "a.mp4")))
    np.testing.assert_allclose(features, recognizer.features(pixels), atol=1e-6)
    index = index_video((videos / "a.mp4").read_bytes())
    frames = decode(index, range(index.count))
    np.testing.assert_array_equal(features, recognizer.features(frames))
    assert recognizer.with_views(clips=1, crops=1).features(frames).shape[0] == 1
    with pytest.raises(ValueError, match="no file at this path"):
        recognizer.features("none.mp4")


def test_apply_is_logits_and_can_be_traced(text, recognizer):
    video = small.video()
    # Traced first: nothing of the trace may stay in the model.
    np.testing.assert_allclose(
        jax.jit(text.apply)(text.variables, video), text.logits(video), atol=1e-5
    )
    text.predict(np.zeros((3, 16, 16, 3), np.uint8))
    np.testing.assert_allclose(
        recognizer.apply(recognizer.variables, video), recognizer.logits(video), atol=1e-5
    )
    clips = jnp.stack([video, video[::-1]])
    by_vmap = jax.vmap(recognizer.apply, in_axes=(None, 0))(recognizer.variables, clips)
    np.testing.assert_allclose(by_vmap[1], recognizer.logits(video[::-1]), atol=1e-5)
    other = text.with_classes(["four", "five", "six"])
    np.testing.assert_allclose(
        text.apply(text.variables, video, other.class_features), other.logits(video), atol=1e-5
    )
    with pytest.raises(ValueError, match="needs to know the classes"):
        Recognizer(text.config, text.variables).apply(text.variables, video)


@pytest.mark.slow
def test_the_gradient_of_apply_is_that_of_the_module(text):
    video, labels = small.video(), jnp.array([0, 1])

    def loss(logits):
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()

    def of_apply(params):
        return loss(text.apply(text.variables._replace(params=params), video))

    def of_module(module):
        return loss(module(video, text.class_features, None).logits)

    pure = small.flat(jax.grad(of_apply)(text.variables.params))
    by_nnx = nnx.grad(of_module)(text.module)
    modules = small.flat(model._plain(by_nnx))
    assert pure.keys() == modules.keys()
    for path, gradient in pure.items():
        np.testing.assert_allclose(gradient, modules[path], atol=1e-6, err_msg=path)
    largest = {path: float(jnp.abs(gradient).max()) for path, gradient in pure.items()}
    assert min(v for path, v in largest.items() if path.startswith("visual/block")) > 1e-6
    assert max(v for path, v in largest.items() if path.startswith("text/")) == 0


def test_a_module_can_be_changed_and_made_a_model_of(recognizer):
    module, video = recognizer.module, small.video()
    before = recognizer.logits(video)
    output = module(video, None, None)
    np.testing.assert_allclose(output.logits, before, atol=1e-5)
    np.testing.assert_allclose(output.features, recognizer.features(video), atol=1e-5)
    graph, state = nnx.split(module)
    np.testing.assert_allclose(nnx.merge(graph, state)(video, None, None).logits, before, atol=1e-5)
    module.head.fc.bias[...] += 1
    calibrated = Recognizer(CONFIG, recognizer.variables, NAMES, temperature=2.0)
    changed = calibrated.with_module(module)
    np.testing.assert_allclose(changed.logits(video), before + 1, atol=1e-5)
    assert (changed.class_names, changed.temperature) == (tuple(NAMES), None)
    np.testing.assert_array_equal(recognizer.logits(video), before)
    other = small.config("spatial", "linear", classes=3)
    with pytest.raises(ValueError, match=r"other weights than the model, such as params/head/"):
        recognizer.with_module(Recognizer(other, small.filled(other)).module)


def test_a_model_of_damaged_weights_answers_with_what_it_says(recognizer):
    shares = np.full(5, np.nan)
    assert [one.name for one in recognizer.best(shares, 2)] == NAMES[:2]
    assert recognizer.best(shares, threshold=0.1) == []


def test_one_video_is_no_batch_and_a_time_limit_is_some_time(recognizer):
    frames = np.zeros((4, 16, 16, 3), np.uint8)
    for video in ("a.mp4", b"bytes", frames, io.BytesIO()):
        with pytest.raises(TypeError, match=r"a single video: expected several, such as \[video\]"):
            recognizer.predict_batch(video)
    for limit in (-1.0, 0.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"time_limit is {limit:g}: expected seconds"):
            recognizer.predict_batch([frames], time_limit=limit)
    assert len(list(recognizer.predict_batch(frames[None]))) == 1


def test_pixels_that_were_not_normalised_are_refused(recognizer):
    views = recognizer.look(np.zeros((4, 16, 16, 3), np.uint8))
    for call in (recognizer.features, recognizer.logits):
        with pytest.raises(ValueError, match="pixels are uint8: expected normalised ones"):
            call(views)


def test_a_trained_module_is_no_longer_what_was_converted(recognizer):
    origin = Origin(kind="clip", dtypes={"a": "float16"}, fresh=("b",))
    converted = Recognizer(CONFIG, recognizer.variables, NAMES, origin)
    # PyTorch's file would have its rounding, and nothing of what CLIP has not.
    assert converted.with_module(converted.module).origin is None

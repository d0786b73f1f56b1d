"""The command that draws what a model names when: its figures, and its words on bad input."""

import cv2
import numpy as np
import pytest

from ila_jax import timeline
from ila_jax.answers.timeline import both_ways
from ila_jax.data.clips.windows import Windows
from ila_jax.pictures import timeline_figure
from ila_jax.weights.folder import load
from tests.data.videos import H264, write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Two seconds."""
    return write_video(tmp_path_factory.mktemp("video") / "a.mp4", count=50, options=H264)


@pytest.fixture
def drawn(monkeypatch):
    """What the command gives to be drawn: a list of one entry."""
    calls = []
    draw = timeline_figure.draw

    def spy(frames, courses, names, path):
        calls.append((frames, courses, names))
        draw(frames, courses, names, path)

    monkeypatch.setattr(timeline_figure, "draw", spy)
    return calls


def test_each_window_as_predict_names_it_and_played_backwards(
    weights, video, tmp_path, drawn, capsys
):
    out = tmp_path / "new" / "timeline.png"
    arguments = [weights, str(video), "--output", str(out), "--window", "0.8", "--backwards"]
    assert timeline.main(arguments) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert cv2.imread(str(out)).shape[1] > 1000
    ((frames, courses, names),) = drawn
    model = load(weights).for_inference()
    assert list(names) == list(model.class_names)
    assert frames.shape == (12, 160, 160, 3)
    forwards, backwards = courses["played forwards"], courses["played backwards"]
    np.testing.assert_allclose(forwards.starts, [0, 0.8, 1.6])
    np.testing.assert_allclose(forwards.ends, [0.8, 1.6, 2.0])
    for k, (_, views) in enumerate(Windows(video, seconds=0.8).with_views(model.views)):
        # Rounding differs with what else is in a batch.
        expected = model.probabilities(views).mean(0)
        np.testing.assert_allclose(forwards.probabilities[k], expected, atol=1e-5)
        expected = model.probabilities(views[:, ::-1]).mean(0)
        np.testing.assert_allclose(backwards.probabilities[k], expected, atol=1e-5)
        assert np.abs(forwards.probabilities[k] - backwards.probabilities[k]).max() > 1e-4


def test_without_backwards_there_is_one_panel(weights, video, tmp_path, drawn):
    out = tmp_path / "timeline.svg"
    more = ["--output", str(out), "--window", "1", "--stride", "0.5"]
    assert timeline.main([weights, str(video), *more]) == 0
    ((_, courses, _),) = drawn
    (course,) = courses.values()
    np.testing.assert_allclose(course.starts, [0, 0.5, 1.0])
    assert out.read_text().startswith("<?xml")


def test_both_ways_of_a_window_have_its_times(weights, video):
    for forwards, backwards in both_ways(load(weights), Windows(video, seconds=1)):
        assert (forwards.start, forwards.end) == (backwards.start, backwards.end)


def test_bad_input_is_told_in_words(weights, video, tmp_path, capsys, monkeypatch):
    def fails(words, *given, window="1"):
        assert timeline.main([*map(str, given), "--window", window]) == 1
        err = capsys.readouterr().err
        assert words in err
        assert "Traceback" not in err

    out = tmp_path / "out.png"
    text = tmp_path / "words.mp4"
    text.write_text("no video")
    fails("Invalid data found", weights, text, "--output", out)
    fails(f"there is no video {tmp_path}", weights, tmp_path, "--output", out)
    fails("expected a name that ends in .png, .svg, .pdf", weights, video, "--output", "a.gif")
    fails("a window is 0 seconds", weights, video, "--output", out, window="0")
    fails("is no model", tmp_path / "none", video, "--output", out)
    named = tmp_path / "video.png"
    named.write_bytes(video.read_bytes())
    fails("is the video itself", weights, named, "--output", named)
    assert named.read_bytes() == video.read_bytes()
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    fails("needs matplotlib: pip install 'ila-jax[plots]'", weights, video, "--output", out)
    assert not out.exists()


def test_a_video_of_one_frame_is_told_in_words(weights, tmp_path, capsys):
    one = write_video(tmp_path / "one.mp4", count=1, options=H264)
    out = tmp_path / "out.png"
    assert timeline.main([weights, str(one), "--output", str(out), "--window", "1"]) == 1
    assert "one.mp4 has a single frame, and no course of time" in capsys.readouterr().err

"""What the page says of a file, without the page: real videos, a small model, and bad files."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ila_jax.answers.answers import Span
from ila_jax.answers.timeline import timeline
from ila_jax.data.clips.windows import Windows
from ila_jax.recognizer import Prediction, Recognizer
from ila_jax.serve.desk import Desk, UploadLimits
from ila_jax.serve.examples import draw_examples
from ila_jax.serve.page import timeline_html
from tests.data.videos import write_video
from tests.models import small

NAMES = ["one", "two", "three", "four", "five"]
LIMITS = UploadLimits(megabytes=1, minutes=0.1, seconds=120)


@pytest.fixture(scope="module")
def desk():
    config = small.config("spatial")
    model = Recognizer(config, small.filled(config), NAMES).with_views(clips=1, crops=1)
    return Desk(model, "spatial", LIMITS)


def test_a_video_is_named_as_predict_names_it_and_told_through_time(desk, tmp_path):
    path = write_video(tmp_path / "clip.mp4", count=100)  # four seconds
    reply = desk.answer([path], top_k=2, window=1.5)
    assert reply.predictions == desk.recognizer.predict(path, 2)
    assert [(span.start, span.end) for span in reply.timeline] == [(0, 1.5), (1.5, 3), (3, 4)]
    moments = timeline(desk.recognizer, Windows(path, seconds=1.5))
    best = [desk.recognizer.best(moment.probabilities, 1) for moment in moments]
    assert [span.predictions for span in reply.timeline] == best
    assert reply.view.frames.shape == (small.FRAMES, 160, 160, 3)
    assert (reply.name, reply.short) == ("clip.mp4", False)
    whole = desk.answer([path], top_k=2, window=5)
    assert whole.timeline == []
    assert whole.predictions == reply.predictions


def test_a_short_video_is_said_to_be_short(desk, tmp_path):
    reply = desk.answer([write_video(tmp_path / "two.mp4", count=2)], top_k=1, window=5)
    assert reply.short
    enough = write_video(tmp_path / "three.mp4", count=small.FRAMES)
    assert not desk.answer([enough], top_k=1, window=5).short


def test_bad_files_are_told_in_words_without_the_servers_folders(desk, tmp_path):
    good = write_video(tmp_path / "good.mp4", count=10)
    long = write_video(tmp_path / "long.mp4", count=200)
    (tmp_path / "words.mp4").write_text("no video at all")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "large.mp4").write_bytes(bytes(3 << 20))
    (tmp_path / "circle.mp4").symlink_to(tmp_path / "circle.mp4")
    for paths, words in {
        (): "there is nothing to look at: drop a video",
        (good, long): "2 files at once: give one video at a time",
        (tmp_path / "words.mp4",): "words.mp4: The file is no video container",
        (tmp_path / "empty.mp4",): "empty.mp4: The file is empty",
        (tmp_path / "gone.mp4",): "gone.mp4: There is no file at this path",
        (tmp_path / "circle.mp4",): "circle.mp4: .* symbolic links",
        (tmp_path / "large.mp4",): "large.mp4 has 3 MB: this page takes 1 MB",
        (long,): "long.mp4: it lasts 0:08.0, and this page takes 0:06.0",
    }.items():
        with pytest.raises(ValueError, match=words) as error:
            desk.answer(list(paths), top_k=1, window=5)
        assert str(tmp_path) not in str(error.value)


def test_work_that_takes_too_long_is_given_up(desk, tmp_path):
    path = write_video(tmp_path / "good.mp4", count=10)
    hurried = dataclasses.replace(LIMITS, seconds=0.0)
    with pytest.raises(ValueError, match=r"good.mp4 took longer than 0 seconds"):
        dataclasses.replace(desk, limits=hurried).answer([path], top_k=1, window=5)


def test_a_timeline_shows_names_as_text(desk):
    spans = [Span(0.0, 61.5, [Prediction("<b>jump</b>", 0.25)])]
    found = timeline_html(spans)
    assert "0:00.0 – 1:01.5" in found
    assert "&lt;b&gt;jump&lt;/b&gt;" in found
    assert "width:25.0%" in found
    assert "<b>" not in found
    assert timeline_html([]) == ""


def test_examples_are_real_videos_of_the_eight_motions(tmp_path):
    found = draw_examples(tmp_path)
    assert len(found) == 8
    assert all(path.stat().st_size > 1000 for path in found.values())
    assert found["moving left"] == Path(tmp_path / "moving_left.mp4")


def test_a_block_is_drawn_from_what_was_seen(desk, tmp_path):
    from ila_jax.serve.page import _picture

    reply = desk.answer([write_video(tmp_path / "clip.mp4", count=10)], top_k=1, window=5)
    first, second = (_picture(reply.view, block) for block in (1, 2))
    assert first.shape[1] >= small.FRAMES * 160
    assert np.abs(first.astype(int) - second).max() > 50
    assert _picture(None, 1) is None

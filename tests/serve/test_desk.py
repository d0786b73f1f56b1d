"""What the page says of a file, without the page: real videos, small models, and bad files."""

import argparse
import csv
import dataclasses
import threading
from pathlib import Path

import numpy as np
import pytest

from ila_jax.answers.answers import write_csv
from ila_jax.data.clips import shared_views
from ila_jax.data.clips import windows as windows_module
from ila_jax.pictures.model_view import show
from ila_jax.predict.answering import answer_videos
from ila_jax.recognizer import Recognizer
from ila_jax.serve.desk import Desk, NamedModel, UploadLimits
from ila_jax.serve.examples import draw_examples, name_examples
from ila_jax.serve.markup import about_html, pictures_html
from tests.data.videos import write_video
from tests.models import small

NAMES = ["one", "two", "three", "four", "five"]
# Seconds for a machine that is busy with other things: the models are compiled meanwhile.
LIMITS = UploadLimits(megabytes=1, minutes=0.1, seconds=3600)


def named(temporal, names, **views):
    config = small.config(temporal)
    return NamedModel(temporal, Recognizer(config, small.filled(config), names).with_views(**views))


@pytest.fixture(scope="module")
def desk():
    return Desk([named("spatial", NAMES, clips=1, crops=1)], LIMITS)


@pytest.fixture(scope="module")
def two(desk):
    other = named("ila", [*NAMES[1:], 'six, or "half a dozen"'], clips=2, crops=1)
    return Desk([*desk.models, other], LIMITS)


def predicted(model, window, folder, *, top_k):
    """The rows of `predict --csv` for clip.mp4, by window or as a whole."""
    options = argparse.Namespace(top_k=top_k, window=window, stride=None, threshold=None, threads=1)
    write_csv(folder / "out.csv", list(answer_videos(model, ["clip.mp4"], options)))
    _, *rows = csv.reader((folder / "out.csv").read_text("utf-8").splitlines())
    return rows


def test_the_answers_of_two_models_are_what_predict_writes_of_each(two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_video(tmp_path / "clip.mp4", count=100)  # four seconds
    reply = two.answer([path], top_k=2, window=1.5)
    head, *rows = csv.reader(reply.csv().splitlines())
    assert head[:4] == ["model", "video", "start", "end"]
    expected = []
    for model in two.models:
        whole = predicted(model.recognizer, None, tmp_path, top_k=2)
        steps = predicted(model.recognizer, 1.5, tmp_path, top_k=2)
        # The mean over the windows, which `predict --window` begins with, is not on the page.
        expected += [[model.title, *row] for row in whole + [row for row in steps if row[1]]]
    assert rows == expected
    assert [row[2:4] for row in rows[2:8:2]] == [["0.0", "1.5"], ["1.5", "3.0"], ["3.0", "4.0"]]
    alone = Desk(two.models[:1], LIMITS).answer([path], top_k=2, window=1.5)
    assert list(csv.reader(alone.csv().splitlines()))[1:] == [row[1:] for row in rows[:8]]


def test_two_models_look_at_the_same_pictures_and_decode_them_once(two, tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", count=50)
    decodes, streams = [], []
    decode, frames_of = shared_views.decode, windows_module.frames_of
    monkeypatch.setattr(
        shared_views, "decode", lambda *args, **kw: decodes.append(1) or decode(*args, **kw)
    )
    monkeypatch.setattr(
        windows_module, "frames_of", lambda *args: streams.append(1) or frames_of(*args)
    )
    reply = two.answer([path], top_k=1, window=1)
    assert (len(decodes), len(streams)) == (1, 1)
    for model, answer in zip(two.models, reply.models, strict=True):
        expected = show(path, model.title, model.recognizer, side=160)
        np.testing.assert_array_equal(answer.view.frames, expected.frames)
        np.testing.assert_array_equal(answer.view.maps.heat, expected.maps.heat)
        assert answer.view.columns == expected.columns


def test_a_video_of_one_window_has_no_timeline(desk, tmp_path):
    path = write_video(tmp_path / "clip.mp4", count=100)
    reply = desk.answer([path], top_k=2, window=5)
    assert reply.windows == []
    (answer,) = reply.models
    assert answer.answer.predictions == desk.models[0].recognizer.predict(path, 2)


def test_a_short_video_is_said_to_be_short(desk, tmp_path):
    reply = desk.answer([write_video(tmp_path / "two.mp4", count=2)], top_k=1, window=5)
    assert reply.models[0].answer.short
    enough = write_video(tmp_path / "three.mp4", count=small.FRAMES)
    assert not desk.answer([enough], top_k=1, window=5).models[0].answer.short


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


def test_work_that_takes_too_long_is_given_up(desk, tmp_path, monkeypatch):
    path = write_video(tmp_path / "good.mp4", count=10)
    given_up = threading.Event()
    monkeypatch.setattr(Desk, "_look", lambda *_: given_up.wait(60))
    hurried = dataclasses.replace(LIMITS, seconds=0.05)
    with pytest.raises(ValueError, match=r"good.mp4 took longer than 0.05 seconds"):
        dataclasses.replace(desk, limits=hurried).answer([path], top_k=1, window=5)
    given_up.set()


def test_examples_are_real_videos_of_the_eight_motions(tmp_path):
    found = draw_examples(tmp_path)
    assert len(found) == 8
    assert all(path.stat().st_size > 1000 for path in found.values())
    assert found["moving left"] == Path(tmp_path / "moving_left.mp4")


def test_examples_of_one_file_name_are_told_apart_by_their_folders():
    paths = [Path(name) for name in ("a/1.mp4", "b/1.mp4", "b/2.mp4", "a/1.mp4")]
    assert name_examples(paths) == {"a/1.mp4": paths[0], "b/1.mp4": paths[1], "2.mp4": paths[2]}


def test_titles_are_shown_as_they_are(desk):
    model = dataclasses.replace(desk.models[0], title="spatial (runs/*new* <1>)")
    page = about_html(Desk([model], LIMITS))
    assert "<strong>spatial (runs/*new* &lt;1&gt;)</strong> looks at 3 frames" in page


def test_another_block_is_drawn_from_what_was_seen(desk, tmp_path):
    reply = desk.answer([write_video(tmp_path / "clip.mp4", count=10)], top_k=1, window=5)
    first, second, third = (pictures_html(reply, block) for block in (1, 2, 3))
    assert first.count("<img") == second.count("<img") == 3 * small.FRAMES
    assert "block 1 of 2" in first
    assert first != second
    # A model that is compared with a deeper one shows its last block.
    assert third.replace("block_3", "block_2") == second

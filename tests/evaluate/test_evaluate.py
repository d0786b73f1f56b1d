"""The command on real videos: each once, stopped and going on, what is wrong in words."""

import os
import signal
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest

from ila_jax.data.clips import views
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.data.video.decode import decode, index_video
from ila_jax.evaluate import __main__ as evaluate
from ila_jax.evaluate.accuracy import ScoredVideos
from ila_jax.evaluate.gallery import surest
from ila_jax.models import model
from ila_jax.models.inspection import alignments
from ila_jax.pixels import normalise
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import load, save
from tests.evaluate.evaluations import FILES, LISTED, MISSING, arguments
from tests.models import small
from tests.train import runs

ATTENTION = {"model.temporal": "spatial"}  # compiles in a third of the time
TEXT = {"model.head": "text", "model.classes": None}


class Decodes:
    """Counts the decodes of views, and sends SIGTERM to this process at one of them."""

    def __init__(self, patch, *, stop_at=None):
        self.count = 0

        def counted(*arguments, **named):
            self.count += 1
            if self.count == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)
            return decode(*arguments, **named)

        patch.setattr(views, "decode", counted)


@pytest.fixture(scope="module")
def done(listing, weights, tmp_path_factory):
    """Folder of an evaluation of ILA on all eight devices, and how many decodes it took."""
    folder = tmp_path_factory.mktemp("evaluations") / "ila"
    with pytest.MonkeyPatch.context() as patch:
        decodes = Decodes(patch)
        assert evaluate.main(arguments(weights(listing), folder, listing)) == 0
    return folder, decodes.count


@pytest.fixture(scope="module")
def rows(done):
    return pq.read_table(done[0] / "predictions.parquet").to_pylist()


@pytest.fixture(scope="module")
def plain(listing, weights):
    """video -> its four views, uint8 [4, t, size, size, 3], each made alone as the spec has it."""
    config = runs.config(listing)
    frames, size = config.model.frames, config.model.geometry().resolution
    root = Path(str(listing["data.root"]))
    found = {}
    for video, line in enumerate(Path(listing["data.validation"]).read_text().splitlines()):
        if video == MISSING:
            continue
        index = index_video((root / line.rpartition(" ")[0]).read_bytes())
        squares = []
        for k in range(2):
            # ⌊(i + (k+½)/2)·F/T⌋
            at = [(4 * i + 2 * k + 1) * index.count // (4 * frames) for i in range(frames)]
            pictures = decode(index, at)
            height, width = pictures.shape[1:3]
            wide = int(width * size / height + 0.5)
            resized = np.stack([cv2.resize(frame, (wide, size)) for frame in pictures])
            squares += [resized[:, :, left : left + size] for left in (0, wide - size)]
        found[video] = np.stack(squares)
    return found


@pytest.fixture(scope="module")
def expected(listing, weights, plain):
    """video -> the probabilities of its views [4, 8] and their points [4, 1, 3, 2, 2]."""
    recognizer = load(weights(listing))
    config = recognizer.config

    @jax.jit
    def look(clips):
        video = normalise(clips)
        output, _ = model.apply(config, recognizer.variables, video, None, None)
        blocks = alignments(config, recognizer.variables, video)
        return jax.nn.softmax(output.logits), jnp.stack([b.points for b in blocks], axis=1)

    found = look(jnp.asarray(np.concatenate(list(plain.values()))))
    split = [np.split(np.asarray(values), len(plain)) for values in found]
    return dict(zip(plain, zip(*split, strict=True), strict=True))


def test_each_video_once_with_the_mean_of_its_views(expected, rows):
    assert [row["readable"] for row in rows] == [video != MISSING for video in range(LISTED)]
    assert rows[MISSING]["reason"] == "MISSING"
    for video, (shares, _) in expected.items():
        found = rows[video]
        np.testing.assert_allclose(found["view_probabilities"], shares, atol=1e-6, rtol=0)
        mean = np.mean(shares, axis=0)
        np.testing.assert_allclose(found["probabilities"], mean, atol=1e-6, rtol=0)
        assert found["predicted"] == np.argmax(found["probabilities"])
    means = [np.mean(shares, axis=0) for shares, _ in expected.values()]
    assert np.std(means, axis=0).max() > 1e-3  # no model that says the same of all videos


def test_points_are_those_of_the_first_view(expected, rows):
    found = np.array([rows[video]["points"] for video in expected])
    assert found.shape == (LISTED - 1, 1, 3, 2, 2)
    first = [points[0] for _, points in expected.values()]
    np.testing.assert_allclose(found, first, atol=1e-5)
    assert found.std(axis=0).max() > 1e-3  # they are not the same in all videos


def test_one_decode_serves_all_views_of_a_video(done, rows):
    """And one more each of the videos that the report shows."""
    read = np.array([row["readable"] for row in rows])
    videos = ScoredVideos(
        label=np.array([row["label"] for row in rows]),
        reason=np.where(read, -1, 0),
        short=np.zeros(LISTED, bool),
        probabilities=np.array([row["probabilities"] or [0.0] * 8 for row in rows]),
    )
    hits, misses = surest(videos, 6)
    assert done[1] == LISTED - 1 + len(hits) + len(misses)


def test_a_text_head_compares_with_the_checkpoint_s_class_names(tmp_path, listing, plain):
    """Here nothing else names them."""
    overrides = listing | ATTENTION | TEXT | {"data.class_names": None}
    config = runs.config(overrides).model
    recognizer = Recognizer(config, small.filled(config), CLASSES)
    save(recognizer, tmp_path / "weights")
    assert evaluate.main(arguments(tmp_path / "weights", tmp_path / "out", overrides)) == 0
    found = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    shares = jax.nn.softmax(recognizer.logits(normalise(jnp.asarray(plain[0]))))
    np.testing.assert_allclose(found[0]["view_probabilities"], shares, atol=1e-6)
    assert np.asarray(shares).std() > 1e-3


def test_stopped_and_going_on_it_writes_the_same_files(tmp_path, listing, weights, capsys):
    overrides = listing | ATTENTION
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert evaluate.main(arguments(weights(overrides), whole, overrides)) == 0
    said = capsys.readouterr().out
    assert f"{LISTED} videos listed, {LISTED - 1} read; views of each: 4" in said
    assert "missing.mp4: There is no file at this path." in said
    with pytest.MonkeyPatch.context() as patch:
        Decodes(patch, stop_at=3)
        assert evaluate.main(arguments(weights(overrides), stopped, overrides)) == 0
    left = list((stopped / "parts").glob("*.npz"))
    assert 1 <= len(left) < 4
    assert not any((stopped / name).exists() for name in FILES)
    assert "the same command goes on from there" in capsys.readouterr().err
    assert evaluate.main(arguments(weights(overrides), stopped, overrides)) == 0
    assert f"going on from video {8 * len(left)} of {LISTED}" in capsys.readouterr().err
    for name in FILES:
        assert (stopped / name).read_bytes() == (whole / name).read_bytes(), name
    assert not (stopped / "parts").exists()
    assert not list(stopped.glob(".partial-*"))
    # Typed once more it says what it has found, and looks at no video.
    with pytest.MonkeyPatch.context() as patch:
        decodes = Decodes(patch)
        assert evaluate.main(arguments(weights(overrides), stopped, overrides)) == 0
    again = capsys.readouterr()
    assert decodes.count == 0
    assert "holds this evaluation already" in again.err
    assert again.out == said.replace(str(whole), str(stopped))


def fails(capsys, given, *words):
    assert evaluate.main(given) == 1
    err = capsys.readouterr().err
    assert "error: " in err
    assert "Traceback" not in err
    for word in words:
        assert word in err, err


def test_two_evaluations_are_compared(tmp_path, done, capsys):
    changed = tmp_path / "changed.json"
    assert evaluate.main(["--compare", str(done[0]), str(done[0]), "--output", str(changed)]) == 0
    out = capsys.readouterr().out
    assert f"{LISTED - 1} videos that both could read" in out
    assert "p = 1" in out
    assert '"changed": []' in changed.read_text()
    fails(capsys, ["--compare", str(done[0]), str(tmp_path)], "holds no finished evaluation")


def test_a_folder_of_another_evaluation_is_left_alone(done, listing, weights, capsys):
    other = listing | {"evaluation.crops": 1}
    before = {name: (done[0] / name).stat().st_mtime_ns for name in FILES}
    fails(capsys, arguments(weights(listing), done[0], other), "another evaluation", "crops: 2, 1")
    assert before == {name: (done[0] / name).stat().st_mtime_ns for name in FILES}


def test_a_set_that_cannot_be_read(tmp_path, listing, weights, capsys):
    listed = tmp_path / "validation.txt"
    listed.write_text("".join(f"nowhere/{i}.mp4 {i % 8}\n" for i in range(16)))
    overrides = listing | ATTENTION | {"data.validation": str(listed)}
    given = arguments(weights(overrides), tmp_path / "out", overrides)
    fails(capsys, given, "8 of 16 videos cannot be read so far", "nowhere/0.mp4", "no file at")
    allowed = [*given, "--config.data.max_bad_fraction=1.0"]
    fails(capsys, allowed, "none of the 16 videos could be read")


def zeros(folder, overrides, class_names):
    config = runs.config(overrides).model
    empty = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), model.abstract(config))
    save(Recognizer(config, empty, class_names), folder)
    return folder


def test_class_names_that_are_missing_or_others(tmp_path, listing, capsys):
    text = listing | TEXT
    none = zeros(tmp_path / "none", text, None)
    fails(capsys, arguments(none, tmp_path / "out", text), "no class names", "--class-names")
    other = zeros(tmp_path / "other", text, [*CLASSES[:3], "jumping", *CLASSES[4:]])
    fails(capsys, arguments(other, tmp_path / "out", text), "class 3 is 'jumping'", CLASSES[3])
    fewer = zeros(tmp_path / "fewer", text, CLASSES[:5])
    fails(capsys, arguments(fewer, tmp_path / "out", text), "tells 5 classes apart", "names 8")
    assert not (tmp_path / "out").exists()


def test_other_numbers_of_classes_than_the_data(tmp_path, listing, weights, capsys):
    three = zeros(tmp_path / "three", listing | {"model.classes": 3}, None)
    told = listing | {"model.classes": 3}
    fails(capsys, arguments(three, tmp_path / "out", told), "tells 3 classes apart", "has 8")
    fails(capsys, arguments(three, tmp_path / "out", listing), "another model", "classes: 3, 8")


def test_nothing_to_evaluate(tmp_path, listing, weights, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    folder = listing | {"data.validation": str(empty)}
    fails(capsys, arguments(weights(listing), tmp_path / "out", folder), "no folder with videos")
    fails(capsys, arguments(empty, tmp_path / "out", listing), "is no model")
    alone = [*arguments(empty, tmp_path / "out", listing), "--processes", "2", "--process-id", "0"]
    fails(capsys, alone, "the processes of the run could not be joined")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--config", "x.py"], "--checkpoint and --output missing"),
        (["--compare", "a", "b", "--config", "x.py"], "two finished evaluations"),
        (["--compare", "a", "b", "--processes", "2"], "two finished evaluations"),
        (["--compare", "a", "b", "--output", ""], "argument --output: expected a path, found ''"),
    ],
)
def test_arguments_that_do_not_go_together(given, words, capsys):
    with pytest.raises(SystemExit, match="2"):
        evaluate.main(given)
    assert words in capsys.readouterr().err

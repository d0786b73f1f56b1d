"""Every command that lists a folder says what it leaves out, and goes on."""

import dataclasses
import json
import os

import pytest

from ila_jax.data.check import __main__ as check
from ila_jax.data.prepare import __main__ as prepare
from ila_jax.evaluate.subject import open_subject
from ila_jax.extract import __main__ as extract
from ila_jax.job.batches import open_dataset
from ila_jax.predict import __main__ as predict
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.data.videos import H264, write_video
from tests.models import small
from tests.train import runs

CONFIG = small.config("spatial", "linear", classes=2)
SAID = "2 videos; beside them 2 named .srt (b/1.srt, b/2.srt); 1 links that lead nowhere or in a "


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "linear"
    save(Recognizer(CONFIG, small.filled(CONFIG), ["a", "b"]), folder)
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for name in "abc":
        (folder / name).mkdir()
    write_video(folder / "a/1.MTS", options=H264)
    write_video(folder / "b/2.3gp", options=H264, size=(288, 352))
    for name in ("1.srt", "2.srt"):
        (folder / "b" / name).write_text("words")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "b/pipe.mp4")
    return folder


@pytest.fixture(scope="module")
def config(folder):
    found = runs.config({"data.motion_pairs": None, "train.batch": 2})
    names = {"train": str(folder), "validation": str(folder), "class_names": None, "root": ""}
    return dataclasses.replace(found, data=dataclasses.replace(found.data, **names), model=CONFIG)


def left_out(text: str) -> bool:
    return SAID in text and "1 pipes, sockets or devices" in text


def test_training_and_evaluation(folder, config, weights, capsys):
    open_dataset(config)
    said = capsys.readouterr().err
    assert left_out(said)
    assert said.count("beside them") == 1  # both splits are the same folder
    assert f"note: {folder}: 1 folders hold no video, and are no classes (c)\n" in said
    open_subject(config, weights)
    assert left_out(capsys.readouterr().err)


def test_prediction(folder, weights, capsys):
    assert predict.main([weights, str(folder), "--clips", "1", "--crops", "1"]) == 0
    out, err = capsys.readouterr()
    assert left_out(err)
    assert "1.MTS" in out
    assert "2.3gp" in out
    assert predict.main([weights, str(folder / "b/pipe.mp4"), "--window", "1"]) == 1
    assert "pipe.mp4: The path is a pipe, a socket or a device" in capsys.readouterr().err


def test_extraction(folder, weights, tmp_path, capsys):
    assert extract.main([weights, str(folder), "--output", str(tmp_path / "features")]) == 0
    assert left_out(capsys.readouterr().err)


def test_preparing(folder, tmp_path, capsys):
    prepare.main([
        "--from", str(folder), "--split", "train", "--to", str(tmp_path / "out"),
        "--short-side", "16", "--sample", "0", "--processes", "1",
    ])  # fmt: skip
    assert left_out(capsys.readouterr().err)


def test_the_check(folder, capsys):
    arguments = ["--train", str(folder), "--validation", str(folder), "--sample", "0"]
    check.main(arguments)
    assert left_out(capsys.readouterr().out)
    check.main([*arguments, "--json"])
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert left_out(warnings[0])
    assert warnings[1] == f"{folder}: 1 folders hold no video, and are no classes (c)"

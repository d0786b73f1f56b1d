"""A run with a hundred damaged training videos ends, and names each once."""

import contextlib
import json
import shutil

import numpy as np
import pytest

from ila_jax.data.clips.order import TrainOrder
from ila_jax.train import loop
from ila_jax.train.__main__ import main
from tests.data import videos
from tests.data.video.test_rgb import unconvertible
from tests.train import runs

_NOISE = np.random.default_rng(0).bytes(5000)
# kind: what becomes of a good file's bytes, and the reason that has to be given.
KINDS = {
    "empty": (lambda good: b"", "EMPTY"),
    "noise": (lambda good: _NOISE, "NOT_VIDEO_FILE"),
    "web page": (lambda good: b"<html>404 not found</html>" * 50, "NOT_VIDEO_FILE"),
    "without its head": (lambda good: good[64:], "NOT_VIDEO_FILE"),
    "cut after a tenth": (lambda good: good[: len(good) // 10], "NOT_VIDEO_FILE"),
    "cut in the middle": (lambda good: good[: len(good) // 2], "NOT_VIDEO_FILE"),
    "blank in the middle": (
        lambda good: good[:2000] + bytes(len(good) - 4000) + good[-2000:],
        "DAMAGED",
    ),
    "sound only": (None, "NO_VIDEO_STREAM"),
    "colours that nothing converts": (None, "UNSUPPORTED"),
    "folder": (None, "DIRECTORY"),
    "missing": (None, "MISSING"),
}


@pytest.fixture
def damaged(tmp_path, pairs):
    """The data of small runs with 100 damaged training videos more; {path: reason} of these."""
    folder = tmp_path / "data"
    shutil.copytree(pairs["data.root"], folder)
    lines = (folder / "train.txt").read_text().splitlines()
    good = (folder / lines[0].rsplit(" ", 1)[0]).read_bytes()
    made = {
        "sound only": videos.write_sound(tmp_path / "sound.mp4").read_bytes(),
        "colours that nothing converts": unconvertible(tmp_path / "odd.mp4").read_bytes(),
    }
    expected = {}
    for i in range(100):
        kind = list(KINDS)[i % len(KINDS)]
        change, reason = KINDS[kind]
        path = folder / f"{kind} {i}.mp4"
        if kind == "folder":
            path.mkdir()
        elif kind != "missing":
            path.write_bytes(made[kind] if change is None else change(good))
        expected[str(path)] = reason
        lines.append(f"{path.name} {i % 8}")
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    return folder, expected


def data(folder):
    return {
        "data.train": str(folder / "train.txt"),
        "data.validation": str(folder / "validation.txt"),
        "data.class_names": str(folder / "classes.txt"),
        "data.root": str(folder),
        "data.motion_pairs": None,
    }


def test_a_run_over_100_damaged_videos_of_eleven_kinds(tmp_path, damaged):
    folder, expected = damaged
    (folder / "validation.txt").open("a").write("missing too.mp4 3\n")
    overrides = data(folder) | {
        "data.max_bad_fraction": 0.7,
        # 164 videos are 20 batches of 8 and a rest of 4 that changes with the epoch: two epochs.
        "train.steps": 40,
        "train.evaluate_every": 40,
        "evaluation.batch": 5,  # which eight devices cannot share: it is padded
    }
    assert main(runs.arguments(tmp_path / "run", overrides)) == 0
    lines = (tmp_path / "run" / "quarantine.jsonl").read_text().splitlines()
    listed = [json.loads(line) for line in lines]
    found = {entry["path"]: entry["reason"] for entry in listed}
    assert len(found) == len(listed)
    assert found.pop(str(folder / "missing too.mp4")) == "MISSING"
    assert found == expected
    last = runs.entries(tmp_path / "run")[-1]
    assert last["val/videos"] == 16  # accuracy is counted on what was read


def test_a_stop_lists_the_bad_videos_of_its_last_step(tmp_path, pairs, monkeypatch):
    """No step comes after it that would read them, and the next start does not compute it again."""
    folder = tmp_path / "data"
    shutil.copytree(pairs["data.root"], folder)
    lines = (folder / "train.txt").read_text().splitlines()
    # A stop that is asked for at once is read in the second step, which is the last.
    last_step = [TrainOrder(len(lines), batch=8, seed=0)(position)[1] for position in range(8, 16)]
    label = lines[last_step[3]].rsplit(" ", 1)[1]
    lines[last_step[3]] = f"missing.mp4 {label}"
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    asked = lambda *_: contextlib.nullcontext(lambda: True)  # noqa: E731
    monkeypatch.setattr(loop, "stop_requests", asked)
    overrides = data(folder) | {"model.temporal": "spatial"}
    assert main(runs.arguments(tmp_path / "run", overrides)) == 0
    assert runs.final_state(tmp_path / "run")["['step']"] == 2
    (line,) = (tmp_path / "run" / "quarantine.jsonl").read_text().splitlines()
    path = str(folder / "missing.mp4")
    assert json.loads(line) == {"path": path, "reason": "MISSING", "label": int(label)}


def test_too_many_damaged_videos_stop_the_run_in_words(tmp_path, damaged, capsys):
    folder, _ = damaged
    overrides = data(folder) | {
        "data.max_bad_fraction": 0.1,
    }
    for _ in range(2):  # typing the command again does not get around it
        assert main(runs.arguments(tmp_path / "run", overrides)) == 1
        err = capsys.readouterr().err
        assert "videos cannot be read, more than data.max_bad_fraction 0.1 allows" in err
        assert "Traceback" not in err


def test_a_run_told_to_fail_on_a_damaged_video_names_it(tmp_path, damaged, capsys):
    folder, _ = damaged
    overrides = data(folder) | {"data.on_bad_video": "fail"}
    assert main(runs.arguments(tmp_path / "run", overrides)) == 1
    err = capsys.readouterr().err
    assert "error: " in err
    assert "damaged" in err or str(folder) in err
    assert "Traceback" not in err

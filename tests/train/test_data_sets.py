"""The shipped configurations train on data sets as they are distributed, with a tiny model."""

import json
import shutil
import subprocess
import sys

import pytest

from ila_jax.config import from_config, read_config
from ila_jax.data.prepare import __main__ as prepare
from ila_jax.train.loop import train
from tests.data.videos import GOOD, write_video
from tests.train.runs import ROOT, SMALL, entries

TINY = {key: value for key, value in SMALL.items() if not key.startswith("data.")} | {
    "model.frames": 2,
    "initial.scratch": True,
    "optimizer.warmup_epochs": 0.0,
    "train.steps": 3,
    "train.evaluate_every": 3,
    "train.checkpoint_every": 3,
    "data.threads": 2,
    "data.max_bad_fraction": 0.1,  # of 24 videos
}


def run(file, tmp_path, **data):
    """What three steps of a shipped configuration logged."""
    changes = TINY | {f"data.{key}": str(value) for key, value in data.items()}
    config = from_config(read_config(str(ROOT / file), list(changes.items())))
    assert train(config, tmp_path / "run")
    return entries(tmp_path / "run")


@pytest.mark.slow
def test_kinetics_as_it_is_distributed(tmp_path, capsys):
    """CSV lists, class folders, times in the names, mp4 and mkv; one file is missing."""
    rows = {"train.csv": [], "validate.csv": []}
    names = ["turning left", "turning right", "archery"]
    for n in range(24):
        list_, split = (("train.csv", "train"), ("validate.csv", "val"))[n >= 16]
        label = names[n % 3]
        folder = tmp_path / "k400" / split / label.replace(" ", "_")
        folder.mkdir(parents=True, exist_ok=True)
        suffix = ("mp4", "mkv")[n % 2]
        if n != 20:
            write_video(folder / f"abcdefgh{n:03}_000010_000020.{suffix}", count=3, offset=n)
        rows[list_].append(f"{label},abcdefgh{n:03},10,20,{split}")
    for list_, lines in rows.items():
        header = "label,youtube_id,time_start,time_end,split"
        (tmp_path / list_).write_text("\n".join([header, *lines]) + "\n")
    found = run(
        "configs/k400/b32_8f.py",
        tmp_path,
        train=tmp_path / "train.csv",
        validation=tmp_path / "validate.csv",
        root=tmp_path / "k400",
    )
    assert found[-1]["step"] == 3
    (bad,) = (tmp_path / "run" / "quarantine.jsonl").read_text().splitlines()
    assert json.loads(bad)["reason"] == "MISSING"
    assert "swap: turning left <-> turning right" in capsys.readouterr().err


@pytest.mark.slow
def test_something_as_it_is_distributed(tmp_path, capsys):
    """JSON lists with templates in brackets, labels.json beside them, webm."""
    labels = {"Moving something left": "0", "Moving something right": "1"}
    labels |= {f"Doing something number {k}": str(k) for k in range(2, 174)}
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "1.webm", count=5, **GOOD["vp9.webm"])
    for n in range(2, 25):
        shutil.copy(folder / "1.webm", folder / f"{n}.webm")
    for list_, videos in (("train", range(1, 17)), ("validation", range(17, 25))):
        videos = [
            {"id": str(n), "template": f"Moving [something] {('left', 'right')[n % 2]}"}
            for n in videos
        ]
        (tmp_path / f"{list_}.json").write_text(json.dumps(videos))
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    found = run(
        "configs/ssv2/b16_8f.py",
        tmp_path,
        train=tmp_path / "train.json",
        validation=tmp_path / "validation.json",
        root=folder,
    )
    assert found[-1]["step"] == 3
    assert not (tmp_path / "run" / "quarantine.jsonl").exists()
    assert "swap: Moving something left <-> Moving something right" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "train", "validation", "cut"),
    [
        # Half an mp4 has lost its list of frames.
        ("k400/b32_8f", "k400/train.csv", "k400/validate.csv", "NOT_VIDEO_FILE"),
        ("ssv2/b16_8f", "ssv2/labels/train.json", "ssv2/labels/validation.json", "DAMAGED"),
    ],
)
def test_prepared_sets(tmp_path, file, train, validation, cut):
    """The trial sets, prepared by their configuration, then trained on."""
    trial, prepared = tmp_path / "trial", tmp_path / "prepared"
    tool = [sys.executable, str(ROOT / "tools/make_trial_sets.py")]
    subprocess.run([*tool, "--output", str(trial), "--clips", "80"], check=True)
    where = {
        "train": trial / train,
        "validation": trial / validation,
        "root": trial / train.partition("/")[0] / "videos",
    }
    changes = [f"--config.data.{key}={value}" for key, value in where.items()]
    config = str(ROOT / f"configs/{file}.py")
    prepare.main(["--config", config, "--to", str(prepared), "--config.train.batch=8", *changes])
    bad = [json.loads(line) for line in (prepared / "quarantine.jsonl").read_text().splitlines()]
    assert sorted(entry["reason"] for entry in bad) == sorted([cut, "MISSING"])
    found = run(
        f"configs/{file}.py",
        tmp_path,
        train=f"prepared:{prepared}@train",
        validation=f"prepared:{prepared}@validation",
    )
    assert found[-1]["step"] == 3
    assert not (tmp_path / "run" / "quarantine.jsonl").exists()

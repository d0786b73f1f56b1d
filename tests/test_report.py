"""A report says what is installed and what a run is, and no folder's name."""

import json

import pytest

from ila_jax.config import from_config, read_config, to_dict
from ila_jax.report import main, without_folders


@pytest.mark.parametrize(
    ("text", "expected"),
    [("/home/me/runs/one", "…/one"),
     ("split:/home/me/split.csv@train", "split:…/split.csv@train"),
     ("data/k400/train.csv", "…/train.csv"),
     ("--xla_dump_to=/home/me/dump --xla_flag", "--xla_dump_to=…/dump --xla_flag"),
     ("C:\\Users\\me\\clips", "C:…/clips"),
     ("hf://me/model", "hf:…/model"),
     ("/home/me/", "…/"),
     ("a photo of a dog", "a photo of a dog")],
)  # fmt: skip
def test_folders_are_left_out_of_text(text, expected):
    assert without_folders(text) == expected


def test_the_machine(capsys, monkeypatch):
    monkeypatch.setenv("ILA_SOMETHING", "/home/me/secret/x")
    monkeypatch.setenv("MY_TOKEN", "secret")
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "devices: 8 × cpu, cpu" in out
    assert "`ILA_SOMETHING=…/x`" in out
    assert ", jax 0." in out
    assert "secret" not in out


def test_a_run(tmp_path, capsys):
    config = to_dict(from_config(read_config("quickstart")))
    config["data"]["root"] = str(tmp_path / "videos")
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "checkpoints" / "120").mkdir(parents=True)
    (tmp_path / "checkpoints" / "80").mkdir()
    (tmp_path / "metrics.jsonl").write_text('{"step": 120, "train/loss": 0.5}\n{"step"')
    assert main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "- checkpoints: 80, 120\n" in out
    assert '- logged: `{"step": 120, "train/loss": 0.5}`' in out
    assert '"root": "…/videos"' in out
    assert str(tmp_path) not in out


def test_a_folder_of_something_else(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{")
    for folder in (tmp_path, tmp_path / "missing"):
        assert main([str(folder)]) == 1
        assert "expected the folder of a run" in capsys.readouterr().err

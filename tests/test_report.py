"""A report says what is installed and what a run is, and nothing that is private."""

import json
from pathlib import Path

import pytest

from ila_jax.config import from_config, read_config, to_dict
from ila_jax.report import last_name, main
from ila_jax.weights import checksums


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/home/My Name/secret project/runs/one", "…/one"),
     ("split:/home/My Name/split.csv@train", "split:…/split.csv@train"),
     ("/home/jane@corp.example/runs/one", "…/one"),
     ("/mnt/p=1/jane, too/one", "…/one"),
     ("data/k400/train.csv", "…/train.csv"),
     ("C:\\Users\\Jane Doe\\clips", "…/clips"),
     ("hf://me/model", "hf:…/model"),
     ("/home/me/", "…/"),
     ("quickstart", "quickstart"),
     ("a photo of a dog", "a photo of a dog")],
)  # fmt: skip
def test_of_a_path_the_last_name_is_left(value, expected):
    assert last_name(value) == expected


def test_the_home_folder_has_no_name():
    assert last_name(str(Path.home())) == "~"
    assert last_name(f"{Path.home()}/clips") == "…/clips"


def test_the_machine(capsys, monkeypatch):
    variables = {
        "ILA_SOMETHING": "/home/secret person/x",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8 --xla_dump_to=/home/secret/dump",
        "JAX_COORDINATOR_ADDRESS": "secret.example:1234",
        "TPU_WORKER_HOSTNAMES": "secret-1,secret-2",
        "MY_TOKEN": "secret",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "devices: 8 × cpu, cpu" in out
    assert "`ILA_SOMETHING=…/x`" in out
    assert "`XLA_FLAGS=--xla_force_host_platform_device_count=8 --xla_dump_to=…/dump`" in out
    assert "`JAX_COORDINATOR_ADDRESS=(set)`" in out
    assert ", jax 0." in out
    assert "secret" not in out


def test_a_run(tmp_path, capsys):
    config = to_dict(from_config(read_config("quickstart")))
    config["data"]["root"] = str(tmp_path / "videos")
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in ("latest/120", "latest/80", "latest/²", "latest/tmp", "latest/160", "best/40"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    # The list of checksums is the last file of a save.
    for name in ("latest/120", "latest/80", "best/40"):
        checksums.write_list(tmp_path / "checkpoints" / name)
    (tmp_path / "metrics.jsonl").write_text('{"step": 120, "train/loss": 0.5}\n{"step"')
    assert main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "- latest checkpoints: 80, 120, 160 (incomplete)\n- best checkpoints: 40\n" in out
    assert '- logged: `{"step": 120, "train/loss": 0.5}`' in out
    assert '"root": "…/videos"' in out
    assert str(tmp_path) not in out


def test_a_folder_of_something_else(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{")
    for folder in (tmp_path, tmp_path / "missing"):
        assert main([str(folder)]) == 1
        assert "expected the folder of a run" in capsys.readouterr().err

"""The benchmark command: its tables, its JSON, and its words for what makes no measurement."""

import json
from pathlib import Path

import pytest

from ila_jax import cli
from ila_jax.benchmark import __main__ as benchmark
from ila_jax.benchmark import decoders
from tests.data.videos import write_video
from tests.train import runs

QUICKSTART = str(Path(__file__).parents[2] / "configs" / "quickstart.py")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory) -> list[str]:
    """Of a benchmark on 8 videos of 8 classes."""
    folder = tmp_path_factory.mktemp("set")
    for i in range(8):
        write_video(folder / f"{i}.mp4", count=12, offset=i)
    (folder / "list.txt").write_text("".join(f"{i}.mp4 {i}\n" for i in range(8)))
    (folder / "names.txt").write_text("".join(f"class {i}\n" for i in range(8)))
    values = {
        "train": folder / "list.txt",
        "validation": folder / "list.txt",
        "class_names": folder / "names.txt",
        "root": folder,
        "motion_pairs": None,
    }
    changed = [f"--config.data.{key}={value}" for key, value in values.items()]
    few = ["--batches", "1", "--rounds", "1", "--config.evaluation.time_order=False"]
    return ["data", "--config", QUICKSTART, "--config.train.batch=8", *few, *changed]


def test_data_as_json(arguments, capsys):
    benchmark.main([*arguments, "--json", "--device-rate", "1"])
    found = json.loads(capsys.readouterr().out)
    assert (found["clips"], found["threads"], found["processes"]) == (8, 2, 0)
    assert list(found["seconds"]) == ["read", "decode", "crop_resize", "batch", "to_device"]
    assert found["limit"] in found["seconds"]
    assert (found["device_rate"], found["cores_for_device"]) == (1, 1)


def test_data_as_a_table(arguments, capsys):
    benchmark.main([*arguments, "--device-rate", "1e9"])
    said = capsys.readouterr().out
    for words in ("host to device", "end to end", "limit on this machine", "on several hosts"):
        assert words in said


def test_decoders_on_small_files(tmp_path, capsys, monkeypatch):
    data = write_video(tmp_path / "a.mp4").read_bytes()
    monkeypatch.setattr(decoders, "videos", lambda: iter([("small", data)]))
    benchmark.main(["decoders", "--rounds", "1"])
    said = capsys.readouterr()
    assert "ila_jax / sequential" in said.out
    assert "small" in said.out
    for name in ("decord", "torchcodec"):
        assert (f"{name} is " in said.err) == (name not in decoders.readers())
    benchmark.main(["decoders", "--rounds", "1", "--json"])
    written = json.loads(capsys.readouterr().out)
    assert written["ratios"]["small"]["sequential"] == 1
    assert written["versions"] == decoders.versions()


@pytest.mark.slow
def test_model(capsys):
    shape = str(runs.SMALL["model.shape"]).replace(" ", "")
    small = [f"--config.model.shape={shape}", "--config.model.channels=8"]
    command = ["model", "--config", QUICKSTART, *small, "--config.train.batch=8", "--steps", "1"]
    benchmark.main([*command, "--json"])
    (rate,) = json.loads(capsys.readouterr().out).values()
    assert rate["devices"] == 8
    assert min(rate["training"], rate["inference"], rate["compiling"], rate["matmul"]) > 0
    # Three passes of 2 operations a multiply-add; a block of width 64 over 4 frames of 17 tokens.
    block = 4 * 17 * 64 * 64 * 12
    assert rate["flops"] > 3 * 2 * block
    share = rate["training"] * rate["flops"] / (8 * rate["matmul"])
    assert rate["share_of_matmul"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--device-rate", "0"], "--device-rate is 0.0: expected clips a second"),
        (["--rounds", "0"], "--rounds is 0: expected at least 1"),
        (["--config.train.batch=4"], "train.batch is 4, which 8 devices cannot share"),
        (["--config.data.train=/nothing.txt"], "/nothing.txt"),
    ],
)
def test_what_cannot_be_measured(arguments, changed, words, capsys):
    assert cli.run(lambda: benchmark.main([*arguments, *changed])) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert words in err

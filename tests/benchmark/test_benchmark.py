"""The benchmark command: its tables, its JSON, and its words for what makes no measurement."""

import json
from pathlib import Path

import pytest

from ila_jax import cli
from ila_jax.benchmark import __main__ as benchmark
from ila_jax.benchmark import decoders, model_tables, train_step
from ila_jax.benchmark.result import read_result
from tests.benchmark import made_up
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


@pytest.fixture
def measured(monkeypatch):
    """In place of measuring: rows that are made up, of the models that are asked for."""
    monkeypatch.setattr(train_step, "machine", lambda: made_up.MACHINE)
    speeds = {"spatial": 0.8}

    def measure(name, config, *, classes, steps, step):
        changes = [("model.temporal", config.model.temporal), ("model.remat", config.model.remat),
                   ("train.batch", config.train.batch)]  # fmt: skip
        return made_up.row(*changes, share=speeds.get(config.model.temporal, 0.4))

    monkeypatch.setattr(train_step, "measure", measure)


def test_all_temporal_models_by_one_call(measured, capsys, tmp_path):
    output = tmp_path / "new" / "all.json"
    command = ["model", "--config", "k400/b32_8f", "--temporal", "all", "--output", str(output)]
    benchmark.main(command)
    rows = read_result(output).rows
    models = [row.setting["model"]["temporal"] for row in rows]
    assert sorted(models) == [
        "ata", "divided", "ila", "ila_token", "joint", "spatial", "xclip"
    ]  # fmt: skip
    training, recognition = model_tables.model_tables(read_result(output))[-2:]
    of_spatial = dict(zip(models, (cells[9] for cells in training.cells), strict=True))
    assert of_spatial == dict.fromkeys(models, "0.50") | {"spatial": "1.00"}
    assert {cells[6] for cells in recognition.cells} == {"1"}  # GMACs of 2e9 operations
    printed = capsys.readouterr().out
    assert "k400/b32_8f ata remat=none: The step is limited by the MLP" in printed
    assert "f32[2,3]" in printed
    with pytest.raises(ValueError, match=r"all\.json is there already"):
        benchmark.main(command)


def test_remat_is_a_row_for_each(measured, capsys):
    benchmark.main(["model", "--config", "k400/b32_8f", "--remat", "none,dots", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["setting"]["model"]["remat"] for row in rows] == ["none", "dots"]


def test_models_against_an_earlier_file(measured, capsys, tmp_path):
    output = tmp_path / "before.json"
    command = ["model", "--config", "k400/b32_8f"]
    benchmark.main([*command, "--output", str(output)])
    benchmark.main([*command, "--against", str(output), "--markdown"])
    assert f"**Against {output}**" in capsys.readouterr().out
    other = [*command, "--config.train.batch=2", "--against", str(output)]
    with pytest.raises(ValueError, match=r"batch: 2 here, \d+ there. Measure both with the same"):
        benchmark.main(other)
    benchmark.main([*other, "--unlike"])
    assert "Unlike: batch: 2 here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--temporal", "ila,x"], "--temporal: unknown 'x'"),
        (["--remat", "all of it"], "--remat: unknown 'all of it'"),
        (["--unlike"], "--unlike goes with --against"),
        (["--json", "--against", "a.json"], "--json has no place for"),
        (["--against", "none.json"], "none.json"),
        (["--steps", "0"], "--steps is 0: expected at least 1"),
    ],
)
def test_options_that_make_no_measurement(options, words, capsys):
    command = ["model", "--config", "k400/b32_8f", *options]
    assert cli.run(lambda: benchmark.main(command)) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert words in err


@pytest.mark.slow
def test_a_tiny_model(tmp_path, capsys):
    output = tmp_path / "a.json"
    shape = str(runs.SMALL["model.shape"]).replace(" ", "")
    small = [f"--config.model.shape={shape}", "--config.model.channels=8"]
    command = ["model", "--config", QUICKSTART, *small, "--config.train.batch=8", "--steps", "2"]
    benchmark.main([*command, "--output", str(output)])
    printed = capsys.readouterr().out
    assert "The step is limited by" in printed
    assert "The forward pass is limited by" in printed
    found = read_result(output)
    assert found.machine["devices"] == 8
    (row,) = found.rows
    training, inference = row.training, row.inference
    # A block of width 64 over 4 frames of 17 tokens; each device has one clip.
    block = 4 * 17 * 64 * 64 * 12
    assert training.flops_per_clip > 3 * 2 * block
    assert inference.flops_per_clip > 2 * block
    products = training.flops_per_clip / row.matmul
    assert training.share_of_matmul == pytest.approx(products / training.seconds)
    assert training.floor >= products
    assert min(training.compile_cold, training.compile_cached, inference.compile_cached) > 0
    parts = {part["name"] for part in training.parts}
    assert {"MLP", "MLP, backward", "interaction, backward", "optimizer"} <= parts
    assert {part["name"] for part in inference.parts} >= {"MLP", "attention"}
    assert training.working > sum(buffers["size"] for buffers in training.buffers) > 0
    assert output.stat().st_size < 20_000


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

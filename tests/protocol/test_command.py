"""The whole command on drawn videos: zero-shot of a text head, and few-shot training."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import ila_jax
from ila_jax.config import from_config, read_config
from ila_jax.data.synthetic.motion import draw_clip
from ila_jax.protocol.__main__ import main
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import load
from tests.data.sources import published
from tests.data.split.recut import write


def arguments(protocol, made, weights, folder, *more):
    lists, root = made
    return [protocol, f"hmdb51:{lists}", "--root", str(root), "--weights", weights,
            "--workdir", str(folder), "--clips", "1", "--crops", "1", *more]  # fmt: skip


def test_zero_shot_compares_videos_with_the_data_sets_own_classes(
    hmdb51, text_weights, tmp_path, capsys
):
    assert main(arguments("zero-shot", hmdb51, text_weights, tmp_path, "--splits", "1")) == 0
    folder = tmp_path / "split1-zero-shot" / "evaluation"
    same = json.loads((folder / "result.json").read_text())["same"]
    names = ["brush hair", "climb stairs", "wave"]
    assert same["classes"] == names
    loaded = load(text_weights)
    alone = Recognizer(loaded.config, loaded.variables).with_classes(names)
    alone = alone.with_views(clips=1, crops=1)
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    assert [row["label"] for row in rows] == [0, 0, 1, 1, 2, 2]
    for row in rows:
        video = next(hmdb51[1].rglob(row["video"]))
        views = alone.look(str(video))
        np.testing.assert_allclose(
            row["probabilities"], alone.probabilities(views)[0], atol=1e-5, rtol=0
        )
    hits = sum(row["predicted"] == row["label"] for row in rows)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["runs"][0]["metrics"]["top1"] == pytest.approx(hits / 6, abs=1e-12)


def test_zero_shot_of_a_linear_head_is_refused(hmdb51, weights, tmp_path, capsys):
    assert main(arguments("zero-shot", hmdb51, weights, tmp_path)) == 1
    assert "has a linear head, which knows the classes" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["zero-shot", "supervised"])
def test_what_cannot_be_begun_is_not_remembered(protocol, hmdb51, weights, tmp_path, capsys):
    for misspelt in ("nowhere", "neither"):
        assert main(arguments(protocol, hmdb51, misspelt, tmp_path, "--splits", "1")) == 1
        assert f"{misspelt} is no model" in capsys.readouterr().err
    assert not (tmp_path / "protocol.json").exists()


@pytest.mark.slow
def test_few_shot_trains_on_the_drawn_list_and_measures_the_last_checkpoint(
    hmdb51, weights, tmp_path, capsys
):
    given = arguments("few-shot", hmdb51, weights, tmp_path, "--shots", "6", "--epochs", "2")
    assert main(given) == 0
    out = capsys.readouterr().out
    assert "the test clips choose nothing" in out
    folder = tmp_path / "split1-6-clips-seed0"
    config = from_config(read_config(str(folder / "config.py")))
    assert "Made by python -m ila_jax.protocol." in (folder / "config.py").read_text()
    drawn = tmp_path / "lists" / "split1" / "6-clips-seed0.csv"
    assert config.data.train == str(folder / "list.csv")
    assert (folder / "list.csv").read_bytes() == drawn.read_bytes()
    assert config.data.validation == f"hmdb51:{hmdb51[0]}@test1"
    assert (config.train.patience, config.train.class_balance) == (None, "none")
    model = ila_jax.load(str(folder / "run"))
    assert model.class_names == ("brush hair", "climb stairs", "wave")
    # 18 clips in batches of 16: a step an epoch, and one validation, after the last.
    steps = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").open()]
    assert [line["step"] for line in steps if "val/top1" in line] == [2]
    result = json.loads((folder / "evaluation" / "result.json").read_text())
    assert (result["checkpoint"]["step"], result["videos"]["listed"]) == (2, 6)
    page = (tmp_path / "results.md").read_text()
    assert f"| 6 clips a class | {100 * result['top1']['decoded']['value']:.1f} |" in page
    # Asked again, it trains and measures nothing, and says the same.
    before = (folder / "evaluation" / "result.json").stat().st_mtime_ns
    assert main(given) == 0
    assert (folder / "evaluation" / "result.json").stat().st_mtime_ns == before
    assert (tmp_path / "results.md").read_text() == page
    header, *lines = drawn.read_text().splitlines()
    drawn.write_text("\n".join([header, *reversed(lines)]))
    assert main(given) == 1
    assert "was edited after its training had begun" in capsys.readouterr().err


@pytest.mark.slow
def test_charades_is_learnt_with_all_actions_of_a_video_and_measured_by_map(weights, tmp_path):
    def draw(path, name):
        number = int(path.stem[2:])
        drawn = draw_clip(np.random.default_rng(number), label=number % 4 * 2, size=(24, 32))
        write(path, list(drawn.frames[:8]), crf=30)

    lists, root = published.charades(tmp_path, draw=draw, clips=16)
    given = ["supervised", f"charades:{lists}", "--root", str(root), "--weights", weights,
             "--workdir", str(tmp_path / "work"), "--epochs", "1", "--clips", "1",
             "--crops", "1"]  # fmt: skip
    assert main(given) == 0
    folder = tmp_path / "work" / "split1-supervised-seed0"
    config = from_config(read_config(str(folder / "config.py")))
    assert config.model.probabilities == "sigmoid"
    # The two test videos both have actions: leaving out those without changes nothing here.
    result = json.loads((folder / "evaluation" / "result.json").read_text())
    page = (tmp_path / "work" / "results.md").read_text()
    assert "|  | mAP |" in page
    assert f"| supervised | {100 * result['map']['decoded']['value']:.1f} |" in page
    assert "mAP is of the videos that have an action" in page

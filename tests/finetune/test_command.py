"""The whole command on drawn clips: what it decides and leaves, stopped, and asked again."""

import json
import shutil
import signal

import pytest

import ila_jax
from ila_jax.config import from_config, read_config
from ila_jax.finetune.__main__ import main
from ila_jax.train import loop
from ila_jax.weights.digest import digest
from ila_jax.weights.folder import load

QUICK = ["--epochs", "2", "--clips", "2", "--crops", "1", "--processes", "1"]


def arguments(clips, weights, folder, *more):
    return [str(clips), "--weights", weights, "--workdir", str(folder), *QUICK, *more]


@pytest.fixture(scope="module")
def finished(clips, weights, tmp_path_factory):
    """The folder of a fine-tuning of weights that know five other classes."""
    folder = tmp_path_factory.mktemp("finished") / "work"
    assert main(arguments(clips, weights, folder)) == 0
    return folder


def test_a_model_comes_out_that_names_the_videos_classes(finished, clips):
    model = ila_jax.load(str(finished / "run"))
    assert model.class_names == ("going left", "going up", "turning")
    best = model.predict(str(next((clips / "turning").iterdir())))
    assert {p.name for p in best} == set(model.class_names)
    assert sum(p.probability for p in best) == pytest.approx(1, abs=1e-5)


def test_the_tower_is_that_of_the_weights_and_the_head_is_new(finished, weights):
    before, started = load(weights), load(finished / "weights")
    tower, same = before.variables.params["visual"], started.variables.params["visual"]
    assert digest_of(tower) == digest_of(same)
    assert started.config.classes == 3
    assert started.variables.params["head"]["fc"]["kernel"].shape[-1] == 3


def digest_of(params):
    return digest(ila_jax.models.model.Variables(params, {}))


def test_the_configuration_is_one_that_train_takes(finished):
    config = from_config(read_config(str(finished / "config.py")))
    assert config.train.epochs == 2
    assert config.train.batch == 16  # two clips for each of eight devices
    assert config.data.train == f"split:{finished}/split.csv@train"
    assert config.initial.pretrained == str(finished / "weights")
    # As the run was trained: it knows its configuration in steps.
    assert from_config(json.loads((finished / "run" / "config.json").read_text())) == config


def test_the_card_says_what_was_measured(finished):
    card = (finished / "card.md").read_text()
    result = json.loads((finished / "evaluation" / "result.json").read_text())
    top1 = result["top1"]["decoded"]
    row = f"| top-1 | {top1['value']:.1%} ({top1['low']:.1%} to {top1['high']:.1%}) |"
    assert row in card
    assert f"{result['videos']['decoded']} videos read" in card
    assert "2 × 1 views" in card
    assert ("top-5" in card) == (len(result["per_class"]) > 5)
    assert "classes have fewer than 10 clips" in card
    assert "Validation chose the checkpoint" in card
    assert "trained from noise" not in card


def test_done_again_it_does_nothing_twice(finished, clips, weights, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.*")}
    metrics = (finished / "run" / "metrics.jsonl").read_bytes()
    assert main(arguments(clips, weights, finished)) == 0
    said = capsys.readouterr()
    assert f"python -m ila_jax.predict {finished}/run" in said.out
    assert f"python -m ila_jax.serve {finished}/run" in said.out
    assert "Decided" not in said.out  # all of it is decided already
    changed = {path.name for path in before if path.stat().st_mtime_ns != before[path]}
    assert changed <= {"config.json", "metrics.jsonl", "card.md"}  # written again as they were
    assert (finished / "run" / "metrics.jsonl").read_bytes() == metrics


def test_another_option_is_refused_by_name(finished, clips, weights, capsys):
    for more, words in (
        (["--epochs", "3"], "--epochs: 2.0 there, 3.0 here"),
        (["--seed", "1"], "--seed: 0 there, 1 here"),
        (["--config.train.ema=0.5"], "--config.KEY=VALUE: [] there"),
    ):
        assert main(arguments(clips, weights, finished, *more)) == 1
        assert words in capsys.readouterr().err
    split = (finished / "split.csv").read_text()
    try:
        (finished / "split.csv").write_text(split.replace("train", "validation", 1))
        assert main(arguments(clips, weights, finished)) == 1
        assert "was edited after training had begun" in capsys.readouterr().err
    finally:
        (finished / "split.csv").write_text(split)


def test_stopped_in_training_it_goes_on_and_ends_as_undisturbed(
    finished, clips, weights, tmp_path, monkeypatch, capsys
):
    due = loop.validation_due

    def stop_in_the_first_step(config, step):
        signal.raise_signal(signal.SIGTERM)
        monkeypatch.setattr(loop, "validation_due", due)
        return False

    monkeypatch.setattr(loop, "validation_due", stop_in_the_first_step)
    assert main(arguments(clips, weights, tmp_path)) == 130  # no script goes on without a model
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "evaluation").exists()
    # What cannot be changed now is refused before anything else.
    assert main(arguments(clips, weights, tmp_path, "--batch", "32")) == 1
    assert "--batch: None there, 32 here" in capsys.readouterr().err
    assert main(arguments(clips, weights, tmp_path)) == 0
    assert weights_of(tmp_path) == weights_of(finished)


def weights_of(folder):
    """The fingerprint of the weights that an evaluation was of."""
    return json.loads((folder / "evaluation" / "result.json").read_text())["same"]["weights"]


def test_a_plan_trains_nothing_and_an_edited_split_is_taken(planned, tmp_path, capsys):
    clips, made = planned
    folder = tmp_path / "work"
    shutil.copytree(made, folder)
    table = folder / "split.csv"
    assert not (folder / "run").exists()
    rows = table.read_text().splitlines()
    (at, row) = next((k, row) for k, row in enumerate(rows) if ",validation," in row)
    rows[at] = row.replace(",validation,", ",train,")
    table.write_text("\n".join(rows) + "\n")
    assert (
        main(
            [
                str(clips),
                "--workdir",
                str(folder),
                "--plan",
                "--epochs",
                "7",
                "--temporal",
                "spatial",
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "Nothing was trained" in out
    assert "train       " in out
    assert table.read_text().splitlines() == rows
    assert from_config(read_config(str(folder / "config.py"))).train.epochs == 7


@pytest.mark.slow
def test_a_frozen_tower_is_computed_once_and_trains_again_from_its_run(clips, weights, tmp_path):
    frozen, again = tmp_path / "frozen", tmp_path / "again"
    assert main(arguments(clips, weights, frozen, "--recipe", "frozen")) == 0
    assert (frozen / "run" / "features" / "train" / "features.json").is_file()
    assert main(arguments(clips, str(frozen / "run"), again, "--recipe", "full", "--plan")) == 0
    config = from_config(read_config(str(again / "config.py")))
    assert (config.data.cached_views, config.optimizer.trained_blocks) == (0, None)

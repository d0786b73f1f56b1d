"""The comparison: its runs, a restart that repeats nothing, and a report of small runs."""

import argparse
import dataclasses
import json
import os
import re
import statistics

import numpy as np
import pytest

from ila_jax.compare import __main__ as compare
from ila_jax.compare import alignment_of_runs, comparison, figure, report_tables, training
from ila_jax.compare.methods import CHANGED, COMPARED
from ila_jax.compare.runs import Setting
from ila_jax.config import differences, from_config, read_config, to_dict
from ila_jax.files.lock import only_writer
from ila_jax.models import model
from tests.compare.made_up import NAMES, finished, planned
from tests.train import runs


def config_of(method):
    return from_config(read_config(f"{runs.ROOT}/configs/alignment.py:{method}"))


@pytest.mark.parametrize("method", COMPARED)
def test_each_method_is_a_configuration(method):
    config = config_of(method)
    assert config.model.temporal == COMPARED[method].temporal
    assert config.model.convolutions == COMPARED[method].convolutions
    assert model.abstract(config.model).params["mit"].keys() == {"block", "positions"}


def test_a_changed_form_of_ila_differs_in_one_thing():
    changed = {key: differences(config_of("ila"), config_of(key)) for key in CHANGED}
    assert changed.pop("ila_pretrained") == [
        "initial.pretrained: None, 'weights/outline_clip'", "initial.reset_head: False, True",
        "initial.scratch: True, False",
    ]  # fmt: skip
    assert changed == {
        "ila_weight_0": ["train.alignment_weight: 1.0, 0.0"],
        "ila_weight_0.1": ["train.alignment_weight: 1.0, 0.1"],
        "ila_weight_10": ["train.alignment_weight: 1.0, 10.0"],
        "ila_no_noise": ["train.alignment_noise: 0.2, 0.0"],
        "ila_free_points": ["model.points.reach: 0.75, 1.0"],
        "ila_narrow_masks": ["model.points.mask_width: 1.0, 0.5"],
    }
    ablation = from_config(read_config(f"{runs.ROOT}/configs/ablation.py:ila"))
    assert differences(ablation, config_of("ila")) == []


def test_without_positions_there_is_no_parameter_for_them():
    (run,) = planned("--methods", "ila", "--seeds", "1", "--positions", "without")
    assert model.abstract(run.config.model).params["mit"].keys() == {"block"}


def test_the_runs_of_a_first_comparison_keep_their_folders_and_order():
    found = planned("--methods", "xclip,ila", "--seeds", "2")
    assert [str(run.workdir) for run in found] == [
        f"w/{name}/seed{seed}"
        for seed in range(2)
        for name in ("xclip", "xclip_no_positions", "ila", "ila_no_positions")
    ]
    assert [run.config.train.seed for run in found] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_layouts_have_clips_of_their_own():
    middle, scattered = planned("--methods", "ila", "--seeds", "1", "--positions", "with",
                                "--layouts", "middle,scattered")  # fmt: skip
    assert differences(middle.config, scattered.config) == [
        "data.class_names: 'data/motion_pairs/classes.txt', "
        "'data/motion_pairs_scattered/classes.txt'",
        "data.motion_pairs.layout: 'middle', 'scattered'",
        "data.root: 'data/motion_pairs', 'data/motion_pairs_scattered'",
        "data.train: 'data/motion_pairs/train.txt', 'data/motion_pairs_scattered/train.txt'",
        "data.validation: 'data/motion_pairs/validation.txt', "
        "'data/motion_pairs_scattered/validation.txt'",
    ]
    assert str(scattered.workdir) == "w/scattered_steps/ila/seed0"


def test_equal_arithmetic_is_more_steps_of_a_cheaper_model():
    found = planned("--methods", "ila,xclip,ata", "--seeds", "1", "--positions", "with",
                    "--budgets", "steps,arithmetic")  # fmt: skip
    steps = {(run.method, run.setting.budget): run.config.train.steps for run in found}
    # ATA's 43.2 MMACs are nearly ILA's 45.7: its run is one for both budgets, as ILA's own is.
    assert steps == {
        ("ila", "steps"): 1600, ("xclip", "steps"): 1600, ("ata", "steps"): 1600,
        ("xclip", "arithmetic"): 2337,
    }  # fmt: skip
    (xclip,) = (run for run in found if run.setting.budget == "arithmetic")
    assert xclip.config.train.evaluate_every == 2337  # once, at the end


def test_changed_forms_are_trained_where_the_middle_says_nothing():
    found = planned("--methods", "ila,ila_weight_0", "--seeds", "1",
                    "--layouts", "middle,scattered", "--budgets", "steps,arithmetic")  # fmt: skip
    changed = [run for run in found if run.method in CHANGED]
    assert [(run.setting, run.positions) for run in changed] == [(Setting("scattered"), True)]


def test_rows_are_over_seeds_in_the_order_of_the_table():
    found = comparison.rows(
        [
            finished("ila", True, 0, 6),
            finished("spatial", False, 0, 4),
            finished("ila", True, 1, 4),
        ],
        config_of("ila").model,
    )
    assert [(row.method, row.positions) for row in found] == [("spatial", False), ("ila", True)]
    ila = found[1]
    assert ila.of("forward") == [0.75, 0.5]
    right = ila.right_by_class()
    assert {name: values.sum(axis=1).tolist() for name, values in right.items()} == {
        "moving left": [12, 8],
        "moving right": [12, 8],
        "moving up": [0, 0],
    }
    assert ila.clips_per_second == statistics.median([100.0, 101.0])
    assert ila.by_clip(lambda clips: clips.right).sum(axis=1).tolist() == [24, 16]
    assert found[0].new_parameters == 0 < ila.new_parameters
    # By hand: squared errors of 1/64 (seeds) and 11/960 (clips), 2.90 degrees of freedom.
    assert report_tables.classes(found).cells[1][4:] == ["62.5 ± 53.4", "62.5 ± 53.4", "–"]


def test_the_table_says_what_is_not_told_apart():
    rows = comparison.rows(
        [finished(method, True, seed, right + (seed > 1 and method == "ata"))
         for seed in range(3)
         for method, right in (("ila", 6), ("ata", 6), ("xclip", 0))],
        config_of("ila").model,
    )  # fmt: skip
    table = report_tables.accuracies(rows)
    cells = {row[2]: row for row in table.cells}
    columns = [table.header.index(name) for name in ("against ILA", "is it less")]
    ata, xclip, ila = (
        [row[k] for k in columns]
        for row in (cells["ATA"], cells["X-CLIP"], cells["ILA, released, K400 form"])
    )
    assert cells["ATA"][table.header.index("each seed")] == "75.0, 75.0, 87.5"
    assert ila == ["", ""]
    assert ata[1].startswith("not told apart (p ")
    assert xclip[0].startswith("-75.0 ± ")
    assert xclip[1].startswith("less (p ")
    # 100 steps of 16 clips, forwards and twice as much backwards.
    spent = float(cells["X-CLIP"][table.header.index("TMACs of training")])
    macs = float(cells["X-CLIP"][table.header.index("MMACs")])
    assert spent == pytest.approx(3 * macs * 100 * 16 / 1e6, abs=0.1)


def test_what_is_aligned_is_held_against_what_says_nothing():
    rows = comparison.rows([finished("ila", True, s, 6) for s in range(2)], config_of("ila").model)
    (cells,) = report_tables.alignment(rows).cells
    assert cells[3:5] == ["masks", "1"]
    assert [cell.split(" ")[0] for cell in cells[5:10]] == ["11.5", "21.5", "31.5", "41.5", "51.5"]
    assert cells[10].startswith("-20.0 ± 0.0, less")


def test_other_masks_are_held_against_the_models_own():
    rows = comparison.rows([finished("ila", True, s, 6) for s in range(2)], config_of("ila").model)
    table = report_tables.replaced_masks(rows)
    (cells,) = table.cells
    assert table.header[5:] == ["still", "everywhere"]
    # One clip of 32 is named wrongly with still points.
    assert cells[4].startswith("75.0 ± ")
    assert cells[5].startswith("-3.1 ± ")
    assert cells[6].startswith("+0.0 ± 0.0, not told apart")
    assert comparison.as_json(rows)[0]["replaced_masks"] == {
        "still": [23 / 32, 23 / 32], "everywhere": [0.75, 0.75],
    }  # fmt: skip
    (without,) = comparison.rows(
        [dataclasses.replace(finished("xclip", True, 0, 6), replaced={})], config_of("xclip").model
    )
    assert report_tables.replaced_masks([without]).cells == []


def test_the_figure_is_of_all_settings(tmp_path):
    rows = comparison.rows(
        [
            finished(method, True, seed, 5 + seed, setting)
            for method in ("ila", "xclip")
            for setting in (
                ("middle", "steps"),
                ("scattered", "steps"),
                ("scattered", "arithmetic"),
            )
            for seed in range(2)
        ],
        config_of("ila").model,
    )
    figure.draw(rows, tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 20_000


def test_what_runs_leave_is_read_back(tmp_path):
    before = finished("ata", False, 2, 4)
    comparison.write(before.outcome, tmp_path / "result.json")
    assert comparison.read(tmp_path / "result.json") == before.outcome
    comparison.write_clips(before.clips, tmp_path / "clips.npz")
    after = comparison.read_clips(tmp_path / "clips.npz")
    assert after.class_names == NAMES
    np.testing.assert_array_equal(after.right, before.clips.right)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips.npz", "result.json"]


def test_a_run_that_another_process_has_is_left_to_it(tmp_path, monkeypatch):
    run = argparse.Namespace(workdir=tmp_path, is_done=False)
    worked = []
    monkeypatch.setattr(training, "_finish", lambda run: worked.append(run) or True)
    monkeypatch.setattr(training, "only_writer", refuse)
    assert training.work([run])
    assert worked == []
    monkeypatch.setattr(training, "only_writer", only_writer)
    assert training.work([run])
    assert worked == [run]


def test_work_ends_with_a_signal_and_with_whoever_started_it(tmp_path, monkeypatch, capsys):
    """Runs that are done are passed over, and the time left is told after each."""
    waiting = [
        argparse.Namespace(workdir=tmp_path / str(i), is_done=i == 0, finishes=i != 3)
        for i in range(4)
    ]
    worked = []

    def finish(run):
        worked.append(waiting.index(run))
        run.is_done = run.finishes
        return run.finishes

    monkeypatch.setattr(training, "_finish", finish)
    assert not training.work(waiting, parent=-1)
    assert worked == [1]
    assert "2 of 4 runs are left" in capsys.readouterr().err
    assert not training.work(waiting)
    assert worked == [1, 2, 3]
    assert training.work(waiting[:3], parent=os.getppid())
    assert worked == [1, 2, 3]


def test_a_folder_of_another_configuration_is_refused_before_anything_is_trained(tmp_path, capsys):
    workdir = tmp_path / "ila" / "seed0"
    workdir.mkdir(parents=True)
    config = to_dict(config_of("ila"))
    config["train"]["steps"] = 1234
    (workdir / "config.json").write_text(json.dumps(config))
    given = ["--workdir", str(tmp_path), "--config", f"{runs.ROOT}/configs/alignment.py"]
    assert compare.main([*given, "--methods", "ila", "--seeds", "1", "--report"]) == 1
    assert "train.steps: 1234, 1600" in capsys.readouterr().err


def refuse(folder, otherwise):
    raise ValueError(otherwise)


def arguments(workdir, data, steps=2):
    small = {k: v for k, v in runs.SMALL.items() if k != "evaluation.time_order"} | data
    changed = small | {"train.steps": steps, "optimizer.warmup_epochs": 0}
    changed |= {"train.checkpoint_every": 1, "train.evaluate_every": 2}
    given = ["--workdir", str(workdir), "--seeds", "1", "--methods", "spatial"]
    given += ["--config", f"{runs.ROOT}/configs/ablation.py"]
    return [*given, *(f"--config.{key}={value}" for key, value in changed.items())]


@pytest.mark.slow
def test_runs_that_are_done_are_kept_and_the_rest_is_made_up_for(tmp_path, pairs, capsys):
    workdir = tmp_path / "comparison"
    assert compare.main(arguments(workdir, pairs)) == 0
    (with_positions,) = (workdir / "spatial").iterdir()
    (without,) = (workdir / "spatial_no_positions").iterdir()
    report = json.loads((workdir / "report.json").read_text())
    assert [row["positions"] for row in report["rows"]] == [True, False]
    assert (workdir / "report.png").stat().st_size > 10_000
    metrics = (with_positions / "metrics.jsonl").read_text()
    (without / "result.json").unlink()
    (workdir / "report.md").unlink()
    capsys.readouterr()
    assert compare.main(arguments(workdir, pairs)) == 0
    out, err = capsys.readouterr()
    assert err.count("all 2 steps are done") == 1
    assert (with_positions / "metrics.jsonl").read_text() == metrics
    assert json.loads((workdir / "report.json").read_text()) == report
    assert re.search("Spatial attention +no", out)
    measures = alignment_of_runs.read(with_positions / "alignment.npz")
    assert set(measures) == {("class token", 1)}
    assert measures["class token", 1].mover.shape == (16,)

    assert compare.main(arguments(workdir, pairs, steps=4)) == 1
    assert "train.steps: 2, 4" in capsys.readouterr().err


def test_what_cannot_be_compared_is_told_in_words(tmp_path, capsys):
    given = ["--workdir", str(tmp_path), "--config", f"{runs.ROOT}/configs/ablation.py"]
    for wrong, words in {
        ("--methods", "ila,slowfast"): "unknown 'slowfast'",
        ("--seeds", "0"): "--seeds is 0: expected at least 1",
        ("--config.data.motion_pairs=None",): "data.motion_pairs",
        ("--config", "nowhere.py"): "'nowhere.py' is no configuration",
    }.items():
        assert compare.main([*given, *wrong]) == 1
        assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_each_process_has_cores_of_its_own(monkeypatch):
    """A helper inherits the cores that its command has when it starts it."""
    own, parts = [{0, 1, 2, 3, 4}], []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: own[0], raising=False)
    monkeypatch.setattr(
        os, "sched_setaffinity", lambda _, cores: own.__setitem__(0, set(cores)), raising=False
    )

    def start(command):
        before = own[0]
        training.share_cores(*map(int, command[-1].split("/")))
        parts.append(own[0])
        own[0] = before
        return argparse.Namespace(wait=lambda: 0, terminate=lambda: None)

    monkeypatch.setattr(training.subprocess, "Popen", start)
    with training.helpers(["--workdir", "w"], 2):
        parts.append(own[0])
    assert sorted(map(sorted, parts)) == [[0, 3], [1, 4], [2]]


@pytest.mark.slow
def test_two_processes_share_the_runs_of_both_layouts(tmp_path, pairs, capfd):
    workdir = tmp_path / "comparison"
    given = [*arguments(workdir, pairs), "--layouts", "scattered,middle", "--positions", "with"]
    assert compare.main([*given, "--report"]) == 1
    assert "none of the 2 runs" in capfd.readouterr().err
    assert compare.main([*given, "--processes", "2"]) == 0
    out, err = capfd.readouterr()
    # Each run once, whichever of the two processes took it.
    assert err.count("run 1 of 2: ") == err.count("run 2 of 2: ") == 1
    assert re.search("scattered +steps +Spatial attention", out)
    text = (workdir / "report.md").read_text()
    assert "| scattered | steps | Spatial attention | class token | 1 |" in text

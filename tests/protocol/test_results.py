"""Runs one after the other, kept and not done twice; mean ± deviation by hand."""

import json
from pathlib import Path

import pytest

from ila_jax.protocol import running
from ila_jax.protocol.__main__ import main
from tests.data.sources import published

# Their mean is 0.5, the deviations from it are -0.1, 0.1 and 0: the root of 0.02 / 2 is 0.1.
TOP1 = {"split1": 0.4, "split2": 0.6, "split3": 0.5}


@pytest.fixture
def ucf101(tmp_path):
    return published.ucf101(tmp_path, clips=5)


@pytest.fixture
def done(monkeypatch):
    """The runs that were done, by name; in the place of each its result is made up."""
    names = []

    def measure(run, options, remember):
        remember()
        names.append(run.folder.name)
        accuracy = TOP1[run.folder.name.partition("-")[0]]
        run.evaluation.mkdir(parents=True)
        result = {
            "same": {},
            "unreadable": [],
            "videos": {"listed": 10, "decoded": 9 if accuracy == 0.6 else 10, "short": 0},
            **{
                name: {"decoded": {"value": accuracy / scale}}
                for name, scale in (("top1", 1), ("top5", 0.8), ("macro_accuracy", 2))
            },
        }
        (run.evaluation / "result.json").write_text(json.dumps(result))
        return True

    monkeypatch.setattr(running.zero_shot, "measure", measure)
    return names


def arguments(made, tmp_path, *more):
    lists, root = made
    return ["zero-shot", f"ucf101:{lists}", "--root", str(root), "--weights", "w",
            "--workdir", str(tmp_path / "work"), *more]  # fmt: skip


def test_mean_and_deviation_over_the_splits_stand_in_one_table(ucf101, tmp_path, done, capsys):
    assert main(arguments(ucf101, tmp_path)) == 0
    text = capsys.readouterr().out
    row = next(line for line in text.splitlines() if "±" in line)
    assert row.split() == ["zero-shot", "40.0", "60.0", "50.0", "50.0", "±", "10.0",
                           "62.5", "±", "12.5", "25.0", "±", "5.0"]  # fmt: skip
    assert "1 of 30 videos could not be read, and are not counted." in text
    page = (tmp_path / "work" / "results.md").read_text()
    assert "**ucf101, zero-shot, 4 × 3 views, in percent**" in page
    assert "| zero-shot | 40.0 | 60.0 | 50.0 | 50.0 ± 10.0 | 62.5 ± 12.5 | 25.0 ± 5.0 |" in page
    results = json.loads((tmp_path / "work" / "results.json").read_text())
    assert results["rows"][0]["metrics"]["top1"]["deviation"] == pytest.approx(0.1, abs=1e-12)
    assert results["runs"][1]["videos"] == {"listed": 10, "decoded": 9, "short": 0}


def test_what_is_done_is_not_done_twice_and_splits_can_be_added(ucf101, tmp_path, done, capsys):
    assert main(arguments(ucf101, tmp_path, "--splits", "2")) == 0
    table = capsys.readouterr().out
    assert "zero-shot   60.0   75.0            30.0" in table
    assert "±" not in table
    assert main(arguments(ucf101, tmp_path)) == 0
    assert done == [f"split{n}-zero-shot" for n in (2, 1, 3)]
    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines()[2:5]] == ["do", "done", "do"]


def test_results_are_of_all_runs_in_the_folder_whatever_is_asked_for_now(
    ucf101, tmp_path, done, capsys
):
    assert main(arguments(ucf101, tmp_path, "--splits", "2")) == 0
    assert main(arguments(ucf101, tmp_path, "--splits", "1")) == 0
    page = (tmp_path / "work" / "results.md").read_text()
    # The mean is 0.5, the deviations from it are 0.1: the root of 0.02 / 1 is 0.1414.
    assert "| zero-shot | 40.0 | 60.0 | 50.0 ± 14.1 |" in page
    assert page.index("split 1") < page.index("split 2")
    assert main(arguments(ucf101, tmp_path, "--splits", "3")) == 0
    page = (tmp_path / "work" / "results.md").read_text()
    assert "| zero-shot | 40.0 | 60.0 | 50.0 | 50.0 ± 10.0 |" in page
    results = json.loads((tmp_path / "work" / "results.json").read_text())
    assert (results["rows"][0]["runs"], results["rows"][0]["done"]) == (3, 3)
    assert len(done) == 3


def test_a_seed_that_is_added_stands_beside_the_first(ucf101, tmp_path, done, monkeypatch):
    monkeypatch.setattr(running, "train_and_measure", lambda run, t, o, remember: (
        running.zero_shot.measure(run, o, remember)))  # fmt: skip
    given = ["few-shot", *arguments(ucf101, tmp_path, "--shots", "2", "4")[1:]]
    assert main(given) == 0
    given = ["few-shot", *arguments(ucf101, tmp_path, "--shots", "2", "--seeds", "1")[1:]]
    assert main(given) == 0
    page = (tmp_path / "work" / "results.md").read_text()
    assert "|  | split 1, seed 0 | split 1, seed 1 |" in page
    assert "| 2 clips a class | 40.0 | 40.0 | 40.0 ± 0.0 |" in page
    assert "| 4 clips a class | 40.0 | – | 40.0 |" in page


def test_stopped_it_keeps_what_is_done_and_goes_on(ucf101, tmp_path, done, monkeypatch, capsys):
    measure = running.zero_shot.measure
    monkeypatch.setattr(running.zero_shot, "measure", lambda *a: len(done) < 1 and measure(*a))
    assert main(arguments(ucf101, tmp_path)) == 130  # no script goes on without the results
    assert "written" not in capsys.readouterr().out
    assert "2 of 3 runs are not done yet." in (tmp_path / "work" / "results.md").read_text()
    monkeypatch.setattr(running.zero_shot, "measure", measure)
    assert main(arguments(ucf101, tmp_path)) == 0
    assert len(done) == 3
    assert "not done yet" not in (tmp_path / "work" / "results.md").read_text()


def test_a_plan_does_nothing(ucf101, tmp_path, done, capsys):
    assert main(arguments(ucf101, tmp_path, "--plan")) == 0
    assert "Nothing was trained or measured" in capsys.readouterr().out
    assert done == []
    assert main(arguments(ucf101, tmp_path, "--weights", "other")) == 0  # nothing was begun


def test_missing_videos_are_told_with_the_plan_once(ucf101, tmp_path, capsys):
    (ucf101[1] / "YoYo" / "v_YoYo_g01_c01.avi").unlink()
    assert main(arguments(ucf101, tmp_path, "--plan")) == 0
    assert capsys.readouterr().err.count("testlist01.txt: 1 of 3 clips have no file below") == 1


def test_other_options_are_refused_by_name(ucf101, tmp_path, done, capsys):
    assert main(arguments(ucf101, tmp_path, "--splits", "1")) == 0
    capsys.readouterr()
    more = ["--clips", "2", "--weights", "other", "--config.model.precision=float64"]
    assert main(arguments(ucf101, tmp_path, *more)) == 1
    words = capsys.readouterr().err
    assert "--clips: 4 there, 2 here" in words
    w, other = (str(Path(name).absolute()) for name in ("w", "other"))
    assert f"--weights: {w!r} there, {other!r} here" in words
    assert "--config.KEY=VALUE: [] there" in words
    assert len(done) == 1


def test_weights_are_remembered_in_full(ucf101, tmp_path, done, monkeypatch):
    assert main(arguments(ucf101, tmp_path, "--splits", "1")) == 0
    given = arguments(ucf101, tmp_path, "--splits", "1")
    given[given.index("w")] = str(Path("w").absolute())
    monkeypatch.chdir(tmp_path)
    assert main(given) == 0
    assert main(arguments(ucf101, tmp_path, "--splits", "1")) == 1  # another w, of another folder
    assert len(done) == 1


def test_a_damaged_memory_is_said_in_words(ucf101, tmp_path, capsys):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "protocol.json").write_text('{"options": []}')
    assert main(arguments(ucf101, tmp_path)) == 1
    assert "expected options by their names, found []" in capsys.readouterr().err


def test_missing_lists_are_said_in_words(tmp_path, capsys):
    (tmp_path / "lists").mkdir()
    given = (tmp_path / "lists", tmp_path)
    assert main(arguments(given, tmp_path)) == 1
    assert "has no classInd.txt" in capsys.readouterr().err

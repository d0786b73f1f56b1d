"""Bad input ends in a sentence and exit code 1."""

import pytest

from ila_jax.train.__main__ import main
from tests.train import runs


def test_annotations_that_are_missing_empty_or_out_of_range(tmp_path, pairs, capsys):
    run = tmp_path / "run"
    missing = str(tmp_path / "none.txt")
    runs.fails(capsys, run, pairs | {"data.train": missing}, "none.txt")
    (tmp_path / "empty.txt").write_text("")
    runs.fails(capsys, run, pairs | {"data.train": str(tmp_path / "empty.txt")}, "empty.txt")
    (tmp_path / "range.txt").write_text("a video.mp4 8\nb.mp4 0\n")
    runs.fails(capsys, run, pairs | {"data.train": str(tmp_path / "range.txt")}, "range.txt", "8")
    assert not run.exists()


def test_values_that_make_no_run(tmp_path, pairs, capsys):
    run = tmp_path / "run"
    runs.fails(capsys, run, pairs | {"train.stepps": 3}, "train.stepps", "did you mean train.steps")
    runs.fails(capsys, run, pairs | {"model.resolution": 18}, "18", "patch size 4", "16 or 20")
    runs.fails(capsys, run, pairs | {"model.classes": 7}, "model.classes is 7", "names 8")
    runs.fails(capsys, run, pairs | {"model.temporal": "attention"}, "attention", "ila")
    runs.fails(capsys, run, pairs | {"optimizer.groups": "imagenet"}, "imagenet", "k400")
    runs.fails(
        capsys,
        run,
        pairs | {"optimizer.warmup_epochs": 99},
        "the warm-up is too long",
        "99, of 8 steps each",
    )
    runs.fails(capsys, run, pairs | {"train.batch": 12}, "multiple of 8")
    runs.fails(capsys, run, pairs | {"train.batch": 128}, "fewer than one batch")
    runs.fails(capsys, run, pairs | {"model.patch": 0}, "patch is 0: expected a positive number")
    runs.fails(capsys, run, pairs | {"train.seed": 10**20}, "train.seed")
    runs.fails(capsys, run, pairs | {"train.max_skipped": -1, "train.keep_best": 0},
          "train.max_skipped", "train.keep_best")  # fmt: skip
    runs.fails(capsys, run, pairs | {"augment.scales": (0.01,)}, "augment.scales")
    assert not run.exists()


def test_a_command_line_that_is_no_command(tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--workdir", str(tmp_path)])
    assert exit_.value.code == 2
    assert main(["--config", str(tmp_path / "none.py"), "--workdir", str(tmp_path)]) == 1
    assert "is no configuration: expected a file" in capsys.readouterr().err
    for name, text in {
        "syntax.py": "def get_config(:",
        "module.py": "import no_such_module",
        "nothing.py": "x = 1",
        "plain.py": "def get_config(): return {}",
        "argument.py:x": "def get_config(): return 1",
    }.items():
        (tmp_path / name.partition(":")[0]).write_text(text)
        assert main(["--config", str(tmp_path / name), "--workdir", str(tmp_path / "run")]) == 1
        err = capsys.readouterr().err
        assert "gave no configuration" in err
        assert "Traceback" not in err

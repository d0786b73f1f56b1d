"""Bad input ends in a sentence and exit code 1."""

import pytest

from ila_jax.train.__main__ import main
from tests.train import runs


def fails(capsys, workdir, overrides, *words):
    """Runs the trainer; it has to fail in words, which are checked."""
    assert main(runs.arguments(workdir, overrides)) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    for word in words:
        assert word in err, err


def test_annotations_that_are_missing_empty_or_out_of_range(tmp_path, pairs, capsys):
    run = tmp_path / "run"
    missing = str(tmp_path / "none.txt")
    fails(capsys, run, pairs | {"data.train": missing}, "none.txt")
    (tmp_path / "empty.txt").write_text("")
    fails(capsys, run, pairs | {"data.train": str(tmp_path / "empty.txt")}, "empty.txt")
    (tmp_path / "range.txt").write_text("a video.mp4 8\nb.mp4 0\n")
    fails(capsys, run, pairs | {"data.train": str(tmp_path / "range.txt")}, "range.txt", "8")
    assert not run.exists()


def test_values_that_make_no_run(tmp_path, pairs, capsys):
    run = tmp_path / "run"
    fails(capsys, run, pairs | {"train.stepps": 3}, "train.stepps", "did you mean train.steps")
    fails(capsys, run, pairs | {"model.resolution": 18}, "18", "patch size 4", "16 or 20")
    fails(capsys, run, pairs | {"model.classes": 7}, "model.classes is 7", "names 8")
    fails(capsys, run, pairs | {"model.temporal": "attention"}, "attention", "ila")
    fails(capsys, run, pairs | {"optimizer.groups": "imagenet"}, "imagenet", "k400")
    fails(capsys, run, pairs | {"optimizer.warmup_epochs": 99}, "warm up for fewer epochs")
    fails(capsys, run, pairs | {"train.batch": 12}, "multiple of 8")
    fails(capsys, run, pairs | {"train.batch": 128}, "fewer than one batch")
    fails(capsys, run, pairs | {"model.patch": 0}, "patch is 0: expected a positive number")
    fails(capsys, run, pairs | {"train.seed": 10**20}, "train.seed")
    fails(capsys, run, pairs | {"train.max_skipped": -1, "train.keep_best": 0},
          "train.max_skipped", "train.keep_best")  # fmt: skip
    fails(capsys, run, pairs | {"augment.scales": (0.01,)}, "augment.scales")
    assert not run.exists()


def test_weights_that_are_not_there_or_do_not_fit(tmp_path, pairs, undisturbed, capsys):
    run = tmp_path / "run"
    none = pairs | {"initial.scratch": False}
    fails(capsys, run, none, "python -m ila_jax.convert", "initial.scratch=True")
    fails(capsys, run, none | {"initial.pretrained": str(tmp_path)}, "is no model")
    other = none | {"initial.pretrained": str(undisturbed), "model.frames": 8}
    fails(capsys, run, other, "frames: 4, 8")
    fails(capsys, run, none | {"initial.resume": str(tmp_path)}, "holds no checkpoint")
    resumed = none | {"initial.resume": str(undisturbed)}
    fails(capsys, run, resumed, "is at step 80, train.steps is 80")
    other = {"train.steps": 99, "optimizer.clip_norm": 0}
    fails(capsys, run, resumed | other, "optimizer.clip_norm: 1.0, 0.0")
    assert not run.exists()


def test_another_configuration_in_the_same_folder(undisturbed, pairs, capsys):
    changed = pairs | {"train.seed": 1, "optimizer.rate": 1e-2, "data.threads": 0}
    fails(capsys, undisturbed, changed, "train.seed: 0, 1", "optimizer.rate: 0.001, 0.01")
    assert "data.threads" not in capsys.readouterr().err


def test_a_command_line_that_is_no_command(tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--workdir", str(tmp_path)])
    assert exit_.value.code == 2
    assert main(["--config", str(tmp_path / "none.py"), "--workdir", str(tmp_path)]) == 1
    assert "no configuration file" in capsys.readouterr().err
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

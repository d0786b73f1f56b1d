"""Commands read configuration files and overrides, and fail in sentences."""

import argparse
import importlib
from pathlib import Path

import pytest

from ila_jax import cli
from ila_jax.train.__main__ import main
from tests.test_imports import COMMANDS

ROOT = Path(__file__).parents[1]
QUICKSTART = str(ROOT / "configs/quickstart.py")


def refused(capsys, *arguments, config=QUICKSTART, workdir="unused"):
    """What the training command says to arguments that it cannot take."""
    assert main(["--config", config, "--workdir", str(workdir), *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "Traceback" not in said
    return said


def test_a_missing_file_is_told(capsys):
    said = refused(capsys, config="configs/none.py")
    assert "'configs/none.py' is no configuration: expected a file with get_config(), or" in said


def test_a_file_without_get_config_is_told(capsys, tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("")
    assert f"{path} gave no configuration" in refused(capsys, config=str(path))


def test_an_override_of_an_unknown_key_is_told_with_the_near_miss(capsys):
    said = refused(capsys, "--config.train.step=10")
    assert "train.step: no such key, did you mean train.steps?" in said


def test_an_override_in_an_unknown_section_is_told_with_those_there_are(capsys):
    said = refused(capsys, "--config.trainer.steps=10")
    assert "--config.trainer.steps: no section 'trainer', there are augment, data" in said


def test_bad_values_of_overrides_are_told_together(capsys):
    said = refused(
        capsys,
        "--config.train.steps=many",
        "--config.augment.flip=2",
        "--config.optimizer.betas=(0.9,)",
    )
    assert "train.steps: expected int, found 'many'" in said
    assert "augment.flip: expected a probability, found 2.0" in said
    assert "optimizer.betas: expected 2 numbers, found (0.9,)" in said


def test_a_missing_list_of_videos_is_told(capsys, tmp_path):
    said = refused(
        capsys,
        f"--config.data.class_names={tmp_path}/none.txt",
        config=str(ROOT / "configs/k400/b32_8f.py"),
        workdir=tmp_path / "run",
    )
    assert f"{tmp_path}/none.txt does not exist" in said
    assert not (tmp_path / "run").exists()


def test_an_argument_that_is_no_override_stops_with_the_usage(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--config", QUICKSTART, "--workdir", "unused", "--steps=3"])
    assert stopped.value.code == 2
    assert "unknown argument --steps=3" in capsys.readouterr().err


def test_overrides_take_both_spellings_and_keep_types():
    parser = argparse.ArgumentParser()
    cli.add_config(parser)
    _, config = cli.parse(
        parser,
        [
            "--config", QUICKSTART,
            "--config.train.steps=7",
            "--config.train.batch", "32",
            "--config.model.size=B/32",
            "--config.augment.scales=(1, 0.5)",
            "--config.initial.pretrained=weights/b32",
            "--config.initial.scratch=False",
        ],
    )  # fmt: skip
    assert (config.train.steps, config.train.batch) == (7, 32)
    assert config.model.size == "B/32"
    assert config.augment.scales == (1.0, 0.5)
    assert config.initial.pretrained == "weights/b32"
    assert config.initial.scratch is False


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_argument_of_a_command_takes_an_empty_path(name):
    """It comes from a variable that is not set, and would mean this folder."""
    parser = importlib.import_module(f"ila_jax.{name}")._parser()
    assert [action.dest for action in actions_of(parser) if action.type is Path] == []


def actions_of(parser):
    """The arguments of a parser, and of those of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action.choices, dict):
            for one in action.choices.values():
                yield from actions_of(one)


def test_a_run_without_a_folder_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--config", QUICKSTART, "--workdir", ""])
    assert stopped.value.code == 2
    assert "argument --workdir: expected a path, found ''" in capsys.readouterr().err

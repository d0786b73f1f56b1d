"""A run without loading processes that meets a video that takes too long."""

import shutil
from pathlib import Path

import pytest

from ila_jax.data.clips.order import TrainOrder
from ila_jax.train.__main__ import main
from tests.data.videos import write_slow
from tests.train import runs


@pytest.fixture
def hanging(tmp_path, pairs):
    """The data of small runs; the video of the last row of the first epoch takes too long."""
    folder = tmp_path / "data"
    shutil.copytree(pairs["data.root"], folder)
    _, index = TrainOrder(64, 8, seed=0)(63)
    path = folder / (folder / "train.txt").read_text().splitlines()[index].rsplit(" ", 1)[0]
    path.unlink()
    write_slow(path)
    return folder, path


@pytest.mark.slow
def test_it_ends_naming_the_video_and_goes_on_when_that_is_repaired(tmp_path, hanging, capsys):
    folder, path = hanging
    workdir = tmp_path / "run"
    overrides = {
        "data.train": str(folder / "train.txt"),
        "data.validation": str(folder / "validation.txt"),
        "data.class_names": str(folder / "classes.txt"),
        "data.root": str(folder),
        "data.motion_pairs": None,
        "data.time_limit": 5,
        "train.steps": 9,
        "train.checkpoint_every": 1,
        "train.evaluate_every": 9,
    }
    assert main(runs.arguments(workdir, overrides)) == 1
    said = capsys.readouterr().err.splitlines()
    assert f"error: {path} was not read and decoded in 5 s" in said[-1]
    assert max(_steps(workdir)) == "7"
    other = next(p for p in path.parent.iterdir() if p.suffix == path.suffix and p != path)
    shutil.copy(other, path)
    assert main(runs.arguments(workdir, overrides)) == 0
    assert [entry["step"] for entry in runs.entries(workdir) if "train/loss" in entry] == [
        *range(1, 10)
    ]


def _steps(workdir: Path) -> list[str]:
    """Of the checkpoints that are whole."""
    return [path.name for path in (workdir / "checkpoints" / "latest").iterdir()]

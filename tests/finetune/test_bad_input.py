"""Bad input ends in a sentence that says what to do and exit code 1, and is in nobody's way."""

import shutil

import pytest

from ila_jax.finetune.__main__ import main


def fails(capsys, *arguments):
    """The error of a command that has to fail in words."""
    assert main([str(argument) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error[error.index("error: ") :]


def test_videos_that_make_no_classes(tmp_path, clips, capsys):
    work = ("--workdir", tmp_path / "new")
    assert "none" in fails(capsys, tmp_path / "none", *work)
    shutil.copytree(clips / "turning", tmp_path / "one" / "turning")
    assert "1 class, 'turning'" in fails(capsys, tmp_path / "one", *work)
    shutil.copytree(clips / "turning", tmp_path / "one" / "Turning")
    assert "--merge-labels" in fails(capsys, tmp_path / "one", *work)
    assert not (tmp_path / "new").exists()


def test_lists_that_cannot_be_used(tmp_path, clips, capsys):
    work = ("--workdir", tmp_path / "new")
    table = tmp_path / "list.csv"
    table.write_text("\ufefffile;label\nmissing.mp4;a\ngone.mp4;b\n")
    assert "none of the 2 listed files is there" in fails(capsys, table, *work)
    name = "turning/ang.mp4"
    table.write_text(f'file,label\n{name},a\n{name},b\n"going_up/aup.mp4",b\n')
    assert "several labels in several rows" in fails(capsys, table, *work, "--root", clips)
    table.write_text(f"file,label\n{name},a\ngoing_up/aup.mp4,\n")
    assert "1 file has no label in" in fails(capsys, table, *work, "--root", clips)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_nothing_left_for_validation(tmp_path, clips, capsys):
    for name in ("going_up", "turning"):
        (tmp_path / "few" / name).mkdir(parents=True)
        shutil.copy(next((clips / name).iterdir()), tmp_path / "few" / name)
    work = ("--workdir", tmp_path / "new")
    assert "no clip of" in fails(capsys, tmp_path / "few", *work, "--processes", 1)
    assert not (tmp_path / "new" / "split.csv").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--weights", "nowhere"], "nowhere"),
        (["--weights", "LIST"], "cannot be read"),
        (["--temporal", "attention"], "expected one of ata"),
        (["--size", "huge"], "huge"),
        (["--frames", "1"], "model.frames"),
        (["--recipe", "frozen"], "give --weights"),
        (["--blocks", "1"], "--blocks is 1 with --recipe full"),
        (["--patience", "-1"], "--patience is -1"),
        (["--batch", "7"], "--batch is 7"),
        (["--epochs", "0"], "--epochs is 0"),
        (["--rate", "2"], "--rate is 2"),
        (["--clips", "0"], "--clips is 0"),
        (["--validation", "1.5"], "validation is 1.5"),
        (["--device-memory", "much"], "--device-memory is 'much'"),
        pytest.param(
            ["--device-memory", "1MiB"], "nothing that was tried fits", marks=pytest.mark.slow
        ),
        (["--config.train.sed=3"], "did you mean train.seed"),
        (["--config.trai.seed=3"], "no section 'trai'"),
    ],
)
def test_options_that_make_no_run(more, words, tmp_path, planned, capsys):
    """After which the same folder takes better ones: nothing was trained there yet."""
    clips, folder = planned
    (tmp_path / "LIST").write_text("file,label\n")
    shutil.copytree(folder, tmp_path / "work")
    if "--validation" in more:
        (tmp_path / "work" / "split.csv").unlink()
        (tmp_path / "work" / "finetune.json").unlink()
    if "--temporal" not in more:
        more = [*more, "--temporal", "spatial"]  # which is planned in no time
    more = [str(tmp_path / "LIST") if word == "LIST" else word for word in more]
    assert words in fails(capsys, clips, "--workdir", tmp_path / "work", "--plan", *more)


def test_a_folder_of_something_else(tmp_path, clips, capsys):
    (tmp_path / "config.json").write_text("{}")
    assert "holds a run of python -m ila_jax.train" in fails(capsys, clips, "--workdir", tmp_path)
    (tmp_path / "file").write_text("")
    assert "it is a file" in fails(capsys, clips, "--workdir", tmp_path / "file")


def test_a_split_that_was_edited_into_nothing_to_measure_by(planned, tmp_path, capsys):
    clips, folder = planned
    shutil.copytree(folder, tmp_path / "work")
    table = tmp_path / "work" / "split.csv"
    table.write_text(table.read_text().replace(",validation,", ",train,"))
    error = fails(capsys, clips, "--workdir", tmp_path / "work")
    assert "is left for validation" in error

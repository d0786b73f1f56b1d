"""Preflight: a data set with every kind of problem, and one without any."""

import json
import os
import shutil

import numpy as np
import pytest

from ila_jax.data.check import preflight
from ila_jax.data.check.__main__ import main
from ila_jax.data.check.findings import CheckSettings
from ila_jax.data.sources.mirror import mirrors
from ila_jax.data.sources.opening import Splits, open_splits
from ila_jax.data.sources.source import OpenedSplit
from tests.data.videos import write_video
from tests.train.runs import QUICKSTART


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Six different videos."""
    folder = tmp_path_factory.mktemp("clips")
    for i in range(6):
        write_video(folder / f"{i}.mp4", count=4 + i, size=(32, 48), offset=i)
    return folder


@pytest.fixture
def good(clips, tmp_path):
    """Two classes, four videos to train and two to validate on, in folders."""
    # The same names in both splits are no leak.
    places = ["train/left/0", "train/left/1", "train/right/2", "train/right/3",
              "val/left/0", "val/right/2"]  # fmt: skip
    for i, place in enumerate(places):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clips / f"{i}.mp4", tmp_path / f"{place}.mp4")
    return tmp_path


def checked(capsys, *arguments, code=0):
    """The JSON that the command prints."""
    capsys.readouterr()
    assert main([*map(str, arguments), "--json", "--processes=1"]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    found = json.loads(out)
    assert found["could_start"] == (code == 0)
    return found


def of(folder):
    return "--train", folder / "train", "--validation", folder / "val"


def test_a_good_data_set(good, capsys):
    found = checked(capsys, *of(good))
    assert found["warnings"] == found["errors"] == []
    train = found["splits"]["train"]
    assert (train["videos"], train["classes"]) == (4, 2)
    assert train["missing_files"] == train["empty_files"] == found["repeats"] == []
    assert train["clips_per_class"] == {"min": 2, "median": 2, "max": 2}
    assert train["frames"] == {"min": 4, "median": 5, "max": 7}
    assert train["width"] == {"min": 48, "median": 48, "max": 48}
    assert train["seconds"] == {"min": 0.16, "median": 0.2, "max": 0.28}
    sizes = [path.stat().st_size for path in (good / "train").rglob("*.mp4")]
    assert train["bytes_in_all"] == sum(sizes)
    assert (train["bytes"]["min"], train["bytes"]["max"]) == (min(sizes), max(sizes))
    assert train["decoded"] == 4
    assert train["unreadable"] == {}
    assert found["flips"][0].startswith("flips: 1 pair of classes swaps")


def test_the_table(good, capsys):
    assert main([*map(str, of(good)), "--sample=0"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("Training could start.\n")
    assert "2 / 2 / 2" in out
    assert "  swap: left <-> right" in out
    (good / "val" / "left" / "0.mp4").write_bytes(b"")
    shutil.rmtree(good / "val" / "right")
    assert main([*map(str, of(good)), "--sample=0"]) == 1
    out, err = capsys.readouterr()
    assert "warnings:\n  validation: 1 of 1 files are empty" in out
    assert "errors:\n  validation: no video of those looked at can be read" in out
    assert out.endswith("Training could not start.\n")
    assert err == "error: training could not start with these data\n"


def test_missing_empty_and_unreadable_files(good, capsys):
    os.mkfifo(good / "train" / "left" / "pipe.mp4")
    lines = [
        "left/0.mp4 0",
        "left/none.mp4 0",
        "left/pipe.mp4 0",
        "right/2.mp4 1",
        "right/text.mp4 1",
        "right/void.mp4 1",
    ]
    (good / "train" / "right" / "text.mp4").write_text("no video")
    (good / "train" / "right" / "void.mp4").touch()
    (good / "train.txt").write_text("\n".join(lines))
    (good / "val.txt").write_text("left/1.mp4 0\nright/3.mp4 1")
    (good / "names.txt").write_text("left\nright\n")
    found = checked(
        capsys, "--train", good / "train.txt", "--validation", good / "val.txt",
        "--root", good / "train", "--class-names", good / "names.txt", code=1,
    )  # fmt: skip
    missing, empty, unreadable = found["warnings"]
    assert missing.startswith("train: 2 of 6 files are missing, such as ")
    assert "left/none.mp4," in missing
    assert missing.endswith("left/pipe.mp4 (not a file)")
    assert "train: 1 of 6 files are empty, such as " in empty
    assert "train: 1 of 3 decoded files cannot be read" in unreadable
    assert "right/text.mp4: The file is no video container" in unreadable
    train = found["splits"]["train"]
    assert train["missing_files"] == [f"{good}/train/left/{name}.mp4" for name in ("none", "pipe")]
    assert train["empty_files"] == [f"{good}/train/right/void.mp4"]
    assert list(train["unreadable"]) == [f"{good}/train/right/text.mp4"]
    (error,) = found["errors"]
    assert error.startswith("4 of 8 videos cannot be read for certain, more than 0.01 of them")
    assert error.endswith("or start it with --config.data.max_bad_fraction=0.51")


def test_repeats_and_leaks(good, capsys):
    lines = ["train/left/0.mp4 0", "train/left/0.mp4 1", "train/left/1.mp4 0",
             "train/copy.mp4 0", "train/right/2.mp4 1",
             "train/AAAAAAAAAAA_000010_000020.mp4 1"]  # fmt: skip
    shutil.copy(good / "train/left/1.mp4", good / "train/copy.mp4")
    shutil.move(good / "train/right/3.mp4", good / "train/AAAAAAAAAAA_000010_000020.mp4")
    shutil.move(good / "val/left/0.mp4", good / "val/AAAAAAAAAAA_000050_000060.mp4")
    (good / "val/link.mp4").symlink_to(good / "train/right/2.mp4")
    (good / "train.txt").write_text("\n".join(lines))
    (good / "val.txt").write_text(
        "val/AAAAAAAAAAA_000050_000060.mp4 1\nval/link.mp4 1\ntrain/left/1.mp4 0"
    )
    (good / "names.txt").write_text("left\nright\n")
    found = checked(
        capsys, "--train", good / "train.txt", "--validation", good / "val.txt",
        "--root", good, "--class-names", good / "names.txt", "--sample=0",
    )  # fmt: skip
    warnings = "\n".join(found["warnings"]).replace(f"{good}/", "")
    assert warnings.split("\n") == [
        "1 video is in both splits (a leak): the same path, such as "
        "train/left/1.mp4 = train/left/1.mp4",
        "1 video is more than once in a split: the same path, 1 of them with more than one "
        "label, such as train/left/0.mp4 = train/left/0.mp4",
        "2 videos are in both splits (a leak): the same content, such as "
        "train/left/1.mp4 = train/copy.mp4; train/right/2.mp4 = val/link.mp4",
        "1 video is in both splits (a leak): the same recording, such as "
        "train/AAAAAAAAAAA_000010_000020.mp4 = val/AAAAAAAAAAA_000050_000060.mp4",
    ]

    repeats = [(r["same"], r["leak"], len(r["videos"])) for r in found["repeats"]]
    assert repeats == [
        ("path", True, 2), ("path", False, 2), ("content", True, 3), ("content", True, 2),
        ("recording", True, 2),
    ]  # fmt: skip


def test_classes_without_clips_or_files(good, capsys):
    (good / "train.txt").write_text("left/0.mp4 0\nleft/1.mp4 0\nright/none.mp4 1")
    (good / "val.txt").write_text("right/2.mp4 1")
    (good / "names.txt").write_text("left\nright\nup\n")
    found = checked(
        capsys, "--train", good / "train.txt", "--validation", good / "val.txt",
        "--root", good / "train", "--class-names", good / "names.txt", code=1,
    )  # fmt: skip
    assert "train: 1 of 3 classes have no clips, such as 'up'" in found["warnings"]
    assert "validation: 2 of 3 classes have no clips, such as 'left', 'up'" in found["warnings"]
    assert "train: 1 of 3 classes have no files, such as 'right'" in found["errors"]
    splits = open_splits(
        str(good / "train.txt"), str(good / "val.txt"), root=str(good / "train"),
        class_names=str(good / "names.txt"),
    )  # fmt: skip
    settings = CheckSettings(described=True)
    findings = preflight.check(splits, mirrors(splits.class_names, None), settings)
    assert "classes have no clips" not in str(findings.warnings)  # the split has named them
    assert findings.errors == found["errors"]


def test_a_video_that_takes_too_long_is_named(good, capsys):
    found = checked(capsys, *of(good), "--sample=1", "--seconds=0.00001", code=1)
    train, validation = (e for e in found["errors"] if "take" in e)
    assert train.startswith(f"train: take {good}/train/")
    assert train.endswith("Reading and decoding it did not end within 1e-05 seconds.")
    assert validation.startswith("validation: take ")


def test_labels_out_of_range_and_no_data_at_all(good, capsys):
    (good / "train.txt").write_text("left/0.mp4 2")
    (good / "names.txt").write_text("left\nright\n")
    found = checked(
        capsys, "--train", good / "train.txt", "--validation", good / "none.txt",
        "--root", good / "train", "--class-names", good / "names.txt", code=1,
    )  # fmt: skip
    assert "the label is 2, but there are 2 classes, 0 to 1" in found["errors"][0]
    assert "none.txt' does not exist" in found["errors"][0]
    assert main(["--train", str(good / "no"), "--validation", str(good / "val")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_configuration(good, capsys):
    changes = {
        "data.train": str(good / "train"), "data.validation": str(good / "val"),
        "data.class_names": None, "train.batch": 4, "model.classes": 2,
    }  # fmt: skip
    arguments = ["--config", QUICKSTART, "--sample=1"]
    arguments += [f"--config.{key}={value}" for key, value in changes.items()]
    assert checked(capsys, *arguments)["splits"]["validation"]["videos"] == 2
    found = checked(
        capsys, *arguments, "--config.train.batch=6", "--config.model.classes=3", code=1
    )
    assert "model.classes is 3" in found["errors"][0]
    assert "fewer than one batch of 6" in found["errors"][0]
    (good / "train" / "left" / "1.mp4").write_bytes(b"")
    found = checked(capsys, *arguments, "--config.data.on_bad_video=fail", code=1)
    assert found["errors"] == ["1 video cannot be read, and data.on_bad_video is fail"]


class Packed:
    """Videos that are no files, named after files of a split's folder."""

    labels, targets = np.zeros(1, np.int32), None

    def __len__(self):
        return 1

    def name(self, index):
        return "left/0.mp4"


def test_names_of_packed_videos_are_no_paths():
    split = OpenedSplit(Packed(), ("left",))
    found = preflight.check(Splits(split, split), np.zeros(1), CheckSettings(sample=0))
    assert found.warnings == found.repeats == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--train", "a"],
        ["--config", "a", "--train", "b"],
        ["--train", "a", "--validation", "b", "--sample=-1"],
        ["--train", "a", "--validation", "b", "--simple=1"],
    ],
)
def test_arguments_that_make_no_sense(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_the_help_says_what_data_sets_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert "FILE            told apart by what is in it" in out
    assert "python -m ila_jax.data.check --config" in out


def test_the_fingerprint_does_not_depend_on_where_the_files_are(good, tmp_path_factory, capsys):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "data"
    shutil.copytree(good, elsewhere)
    prints = [
        [split["fingerprint"] for split in checked(capsys, *of(f), "--sample=0")["splits"].values()]
        for f in (good, elsewhere)
    ]
    assert prints[0] == prints[1]
    shutil.move(elsewhere / "train/left/0.mp4", elsewhere / "train/right/0.mp4")
    (train, validation) = checked(capsys, *of(elsewhere), "--sample=0")["splits"].values()
    assert train["fingerprint"] != prints[0][0]
    assert validation["fingerprint"] == prints[0][1]


def test_kinetics_clips_of_one_video_in_both_splits(good, capsys):
    header = "label,youtube_id,time_start,time_end,split\n"
    (good / "train.csv").write_text(
        f"{header}left,AAAAAAAAAAA,0,10,train\nright,BBBBBBBBBBB,0,10,t"
    )
    (good / "val.csv").write_text(f"{header}left,AAAAAAAAAAA,50,60,val\nright,BBBBBBBBBBB,0,10,val")
    for i, name in enumerate(["AAAAAAAAAAA_0_10", "BBBBBBBBBBB_0_10", "AAAAAAAAAAA_50_60"]):
        (good / "all").mkdir(exist_ok=True)
        write_video(good / "all" / f"{name}.mp4", count=3, size=(32, 32), offset=i)
    found = checked(
        capsys, "--train", good / "train.csv", "--validation", good / "val.csv",
        "--root", good / "all", "--sample=0",
    )  # fmt: skip
    path, same = found["warnings"]
    assert path.startswith("1 video is in both splits (a leak): the same path")
    assert same.startswith("1 video is in both splits (a leak): the same recording")
    assert [r["same"] for r in found["repeats"]] == ["path", "recording"]

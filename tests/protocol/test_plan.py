"""What a protocol consists of: its runs, few-shot lists drawn and read, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from ila_jax.data.sources.opening import open_source
from ila_jax.protocol import few_shot
from ila_jax.protocol.options import Folder, Options
from ila_jax.protocol.plan import plan_runs
from tests.data.sources import published


def options(protocol, kind, made, tmp_path, **more):
    lists, root = made
    return Options(
        protocol=protocol, data=f"{kind}:{lists}", root=str(root), weights="w",
        workdir=tmp_path / "work", **more,
    )  # fmt: skip


def planned(asked):
    return plan_runs(asked, Folder(asked.workdir))


@pytest.fixture
def ucf101(tmp_path):
    return published.ucf101(tmp_path, clips=5)


def listed(path: Path) -> list[list[str]]:
    header, *lines = path.read_text().splitlines()
    assert header == "path,label"
    return [line.split(",") for line in lines]


def test_zero_shot_measures_every_test_list_and_trains_nothing(ucf101, tmp_path):
    runs = planned(options("zero-shot", "ucf101", ucf101, tmp_path))
    lists = ucf101[0]
    assert [run.test for run in runs] == [f"ucf101:{lists}@test{n}" for n in (1, 2, 3)]
    assert [run.column for run in runs] == ["split 1", "split 2", "split 3"]
    assert {(run.row, run.training, run.test_clips, run.classes) for run in runs} == {
        ("zero-shot", None, 3, 3)
    }
    assert not (tmp_path / "work").exists()


def test_supervised_trains_on_every_list_once_for_each_seed(ucf101, tmp_path):
    asked = options("supervised", "ucf101", ucf101, tmp_path, splits=(2, 3), seeds=(0, 7))
    runs = planned(asked)
    sources = [(run.training.source[-6:], run.training.seed, run.column) for run in runs]
    assert sources == [
        ("train2", 0, "split 2, seed 0"),
        ("train2", 7, "split 2, seed 7"),
        ("train3", 0, "split 3, seed 0"),
        ("train3", 7, "split 3, seed 7"),
    ]
    assert {run.training.clips for run in runs} == {15}
    assert len({run.folder for run in runs}) == 4


def test_few_shot_draws_nested_lists_from_the_first_training_list(ucf101, tmp_path):
    asked = options("few-shot", "ucf101", ucf101, tmp_path, shots=(2, 4), seeds=(0, 1))
    runs = planned(asked)
    assert [(run.row, run.column, run.training.clips) for run in runs] == [
        ("2 clips a class", "split 1, seed 0", 6),
        ("2 clips a class", "split 1, seed 1", 6),
        ("4 clips a class", "split 1, seed 0", 12),
        ("4 clips a class", "split 1, seed 1", 12),
    ]
    train = open_source(f"ucf101:{ucf101[0]}@train1", root=str(ucf101[1]), class_names=None)
    whole = {(train.ids[k], str(train.source.labels[k])) for k in range(len(train.source))}
    drawn = [{tuple(row) for row in listed(Path(run.training.source))} for run in runs]
    assert all(rows <= whole for rows in drawn)
    for rows, shots in zip(drawn, (2, 2, 4, 4), strict=True):
        assert np.bincount([int(label) for _, label in rows]).tolist() == [shots] * 3
    assert drawn[0] < drawn[2]
    assert drawn[1] < drawn[3]
    assert drawn[2] != drawn[3]


def test_a_list_is_drawn_the_same_anywhere_and_in_any_order(ucf101, tmp_path):
    lists = ucf101[0]
    first = planned(options("few-shot", "ucf101", ucf101, tmp_path / "a", shots=(2,)))[0]
    train = lists / "trainlist01.txt"
    train.write_text("\n".join(reversed(train.read_text().splitlines())))
    second = planned(options("few-shot", "ucf101", ucf101, tmp_path / "b", shots=(2,)))[0]
    assert listed(Path(first.training.source)) == listed(Path(second.training.source))


def test_a_list_is_drawn_the_same_of_classes_in_another_order(ucf101, tmp_path):
    names = ["yo yo", "apply eye makeup", "handstand pushups"]
    (tmp_path / "names.txt").write_text("\n".join(names))
    given = {"names": str(tmp_path / "names.txt"), "own": None}
    drawn = {}
    for name, file in given.items():
        asked = options("few-shot", "ucf101", ucf101, tmp_path / name, shots=(2,), class_names=file)
        drawn[name] = {clip for clip, _ in listed(Path(planned(asked)[0].training.source))}
    assert drawn["names"] == drawn["own"]


def test_clips_without_a_file_are_not_drawn_and_are_told(ucf101, tmp_path):
    first = planned(options("few-shot", "ucf101", ucf101, tmp_path / "a", shots=(4,)))[0]
    clips = [clip for clip, _ in listed(Path(first.training.source))]
    (ucf101[1] / clips[0]).unlink()
    second = planned(options("few-shot", "ucf101", ucf101, tmp_path / "b", shots=(4,)))[0]
    drawn = [clip for clip, _ in listed(Path(second.training.source))]
    assert clips[1:4] == drawn[:3]
    assert drawn[3] not in clips
    assert drawn[4:] == clips[4:]
    assert any("1 of 15 clips have no file below" in note for note in second.notes)


def test_a_drawn_list_that_was_edited_is_taken_and_an_uneven_one_is_not(ucf101, tmp_path):
    asked = options("few-shot", "ucf101", ucf101, tmp_path, shots=(2,))
    path = Path(planned(asked)[0].training.source)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(ValueError, match=r"1 clips of 'yo yo' and 2 of 'apply eye makeup'"):
        planned(asked)
    path.write_text("\n".join([lines[0], *lines[1::2]]))
    assert planned(asked)[0].row == "1 clip a class"


def test_lists_of_another_data_set_are_not_taken(ucf101, tmp_path):
    planned(options("few-shot", "ucf101", ucf101, tmp_path, shots=(2,)))
    other = options("few-shot", "hmdb51", published.hmdb51(tmp_path), tmp_path, shots=(2,))
    with pytest.raises(ValueError, match=r"DATA: 'ucf101:.*there, 'hmdb51:.*here"):
        Folder(other.workdir).check(other)


def test_a_list_of_somebody_else_is_read(ucf101, tmp_path):
    given = tmp_path / "given.txt"
    files = ["ApplyEyeMakeup/v_ApplyEyeMakeup_g02_c01.avi 0", "YoYo/v_YoYo_g02_c01.avi 2",
             "HandstandPushups/v_HandStandPushups_g02_c01.avi 1"]  # fmt: skip
    given.write_text("\n".join(files))
    asked = options("few-shot", "ucf101", ucf101, tmp_path, lists=(str(given),), seeds=(3, 4))
    run, other = planned(asked)
    assert (run.row, run.training.source) == ("1 clip a class", str(given))
    names = ["split1-given-seed3", "split1-given-seed4"]
    assert [run.folder.name, other.folder.name] == names
    source = open_source(
        run.training.source, root=str(ucf101[1]), class_names=["a", "b", "c"]
    ).source
    assert source.read(1) == b"v_YoYo_g02_c01.avi"


def test_other_class_names_than_those_of_the_drawn_lists_are_refused(ucf101, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("yo yo\nhandstand pushups\napply eye makeup\n")
    asked = options("few-shot", "ucf101", ucf101, tmp_path, shots=(2,), class_names=str(names))
    planned(asked)
    kept = tmp_path / "work" / "lists" / "classes.json"
    before = kept.read_bytes()
    names.write_text("apply eye makeup\nhandstand pushups\nyo yo\n")
    with pytest.raises(ValueError, match=r"class 0: 'yo yo' there, 'apply eye makeup' here\n"):
        planned(asked)
    assert kept.read_bytes() == before


def test_class_names_of_any_kind_stay_the_same(tmp_path):
    path = tmp_path / "classes.json"
    for _ in range(2):
        few_shot.keep_class_names(path, ["#1 a", "e\u0301 b", " c ", "C++"])
    path.write_text("{}")
    with pytest.raises(ValueError, match="is no list: expected the class names"):
        few_shot.keep_class_names(path, ["a", "b"])


UCF_CLIPS = {
    "a test clip": "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi 0",
    "another label": "ApplyEyeMakeup/v_ApplyEyeMakeup_g02_c01.avi 1",
    "a clip of no part": "YoYo/v_YoYo_g09_c01.avi 2",
    "a clip again": "YoYo/v_YoYo_g02_c01.avi 2",
}
UCF_WORDS = {
    "a test clip": "v_ApplyEyeMakeup_g01_c01 is one of the test clips of this split",
    "another label": r"label 1 \('handstand pushups'\), and is of class 0 \('apply eye makeup'\)",
    "a clip of no part": "v_YoYo_g09_c01 is none of the training clips of this split",
    "a clip again": "v_YoYo_g02_c01 stands in it 2 times",
}


@pytest.mark.parametrize("kind", UCF_CLIPS)
def test_a_list_with_other_clips_than_the_training_parts_is_refused(kind, ucf101, tmp_path):
    given = tmp_path / "given.txt"
    given.write_text("YoYo/v_YoYo_g02_c01.avi 2\n" + UCF_CLIPS[kind])
    asked = options("few-shot", "ucf101", ucf101, tmp_path, lists=(str(given),))
    with pytest.raises(ValueError, match=rf"1 clips of .*given\.txt(.|\n)*{UCF_WORDS[kind]}"):
        planned(asked)


def test_a_class_with_too_few_clips_is_named(ucf101, tmp_path):
    with pytest.raises(
        ValueError, match=r"3 classes have fewer than 6 clips with a file (.|\n)*yo yo: 5"
    ):
        planned(options("few-shot", "ucf101", ucf101, tmp_path, shots=(6,)))
    assert not list((tmp_path / "work").rglob("*.csv"))


def test_names_with_commas_and_signs_come_back_from_a_list(tmp_path):
    lists, root = published.hmdb51(tmp_path)
    old, new = "Take_1_wave_f_cm_np1_fr_med_1.avi", "#1, a [b] & c_wave_u 3.avi"
    (root / "wave" / old).rename(root / "wave" / new)
    marks = lists / "wave_test_split1.txt"
    marks.write_text(marks.read_text().replace(old, new))
    train = open_source(f"hmdb51:{lists}@train1", root=str(root), class_names=None)
    path = tmp_path / "list.csv"
    few_shot.write_list(path, train, range(len(train.source)), str(root))
    again = open_source(str(path), root=str(root), class_names=train.class_names).source
    assert [again.name(k) for k in range(9)] == [train.source.name(k) for k in range(9)]
    assert again.labels.tolist() == train.source.labels.tolist()


def test_charades_is_for_supervised_alone(tmp_path):
    made = published.charades(tmp_path)
    (run,) = planned(options("supervised", "charades", made, tmp_path))
    assert run.cell.several_labels
    with pytest.raises(
        ValueError, match=r"any number of classes.*expected the protocol supervised"
    ):
        planned(options("zero-shot", "charades", made, tmp_path))


def test_two_runs_of_one_name_are_refused(ucf101, tmp_path):
    with pytest.raises(ValueError, match=r"2 runs would be in .*2-clips-seed0: expected each of"):
        planned(options("few-shot", "ucf101", ucf101, tmp_path, shots=(2, 2)))


REFUSED = [
    ({"data": "kinetics700:x"}, r"expected one of hmdb51:FOLDER, ucf101:FOLDER"),
    ({"data": "hmdb51"}, "without @PART"),
    ({"data": "zsl220:x"}, "zsl220 has no clips to train on: it is for zero-shot alone"),
    ({"splits": (1, 4)}, "--splits 4: expected numbers from 1 to 3, the splits of hmdb51"),
    ({"lists": ("a.txt",), "shots": (2,)}, "--shots changes nothing with --lists"),
    ({"lists": ("a.txt",), "splits": (1, 2)}, "--lists with 2 splits: expected one of --splits"),
    ({"shots": (0, 2)}, "--shots: expected numbers from 1 on"),
    ({"crops": 0}, "--crops: expected numbers from 1 on"),
    *(
        ({"overrides": ((key, "x"),)}, f"--config.{key} cannot be set here")
        for key in ("train.evaluate_every", "train.evaluate_every_epochs", "data.train",
                    "data.validation", "data.class_names", "data.root", "train.seed",
                    "evaluation.clips")
    ),
    ({"protocol": "supervised", "lists": ("a.txt",)}, "--lists changes nothing in supervised"),
    ({"protocol": "supervised", "shots": (3,)}, "--shots changes nothing in supervised"),
    *(
        ({"protocol": "zero-shot", name: value}, f"--{name} changes nothing in zero-shot")
        for name, value in {"shots": (2,), "seeds": (1,), "lists": ("a",), "recipe": "frozen",
                            "resolution": 64, "epochs": 2.0, "rate": 0.1}.items()
    ),
    ({"protocol": "zero-shot", "overrides": (("optimizer.rate", 1.0),)},
     "--config.optimizer.rate changes nothing in zero-shot"),
    ({"seeds": (-1,)}, "--seeds: expected numbers from 0 on"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_does_not_go_together_is_refused(changes, words):
    whole = {"protocol": "few-shot", "data": "hmdb51:x", "weights": "w", "workdir": Path("w")}
    with pytest.raises(ValueError, match=words):
        Options(**whole | changes)


def test_views_frames_and_keys_of_the_model_are_for_zero_shot_as_well():
    given = (("model.precision", "float32"), ("train.hang_limit", 60.0))
    asked = Options(
        protocol="zero-shot", data="hmdb51:x", weights="w", workdir=Path("w"), frames=8, clips=1,
        crops=1, overrides=given,
    )  # fmt: skip
    assert asked.overrides == given

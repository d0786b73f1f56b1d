"""Data sets by their own files: which clip is in which part, of which class; what is refused."""

import numpy as np
import pytest

from ila_jax.data.sources.opening import open_source
from ila_jax.data.sources.published.ucf101 import in_words
from tests.data.sources import published
from tests.data.sources.published import CHARADES, put


def opened(kind, made, part, **more):
    lists, root = made
    return open_source(f"{kind}:{lists}@{part}", root=str(root), class_names=None, **more)


def read(split):
    """(file, class name) of every video."""
    names = split.class_names
    labels = split.source.labels
    return [(split.source.read(k).decode(), names[labels[k]]) for k in range(len(labels))]


def test_hmdb_has_three_splits_and_leaves_out_the_clips_marked_0(tmp_path):
    made = published.hmdb51(tmp_path)
    first = opened("hmdb51", made, "train1")
    assert first.class_names == ("brush hair", "climb stairs", "wave")
    stem = "Take_{}_brush_hair_f_cm_np1_fr_med_{}.avi"
    # The marks of split 1 are 0 1 1 1 2 2, those of split 2 are 2 0 1 1 1 2.
    assert [file for file, name in read(first) if name == "brush hair"] == [
        stem.format(k, k) for k in (1, 2, 3)
    ]
    tests = {n: opened("hmdb51", made, f"test{n}") for n in (1, 2)}
    assert [file for file, _ in read(tests[1])[:2]] == [stem.format(k, k) for k in (4, 5)]
    assert [file for file, _ in read(tests[2])[:2]] == [stem.format(k, k) for k in (0, 5)]
    assert np.bincount(first.source.labels).tolist() == [3, 3, 3]
    assert first.ids[0] == stem.format(1, 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ApplyEyeMakeup", "apply eye makeup"),
        ("YoYo", "yo yo"),
        ("Basketball", "basketball"),
        ("CleanAndJerk", "clean and jerk"),
        ("HandstandPushups", "handstand pushups"),
        ("TaiChi", "tai chi"),
    ],
)
def test_a_class_of_ucf_is_named_in_words(name, words):
    assert in_words(name) == words


def test_ucf_has_three_splits_in_the_order_of_its_index(tmp_path):
    made = published.ucf101(tmp_path)
    names = ("apply eye makeup", "handstand pushups", "yo yo")
    test = opened("ucf101", made, "test2")
    assert test.class_names == names
    assert read(test) == [
        ("v_ApplyEyeMakeup_g02_c01.avi", names[0]),
        ("v_HandStandPushups_g02_c01.avi", names[1]),
        ("v_YoYo_g02_c01.avi", names[2]),
    ]
    train = opened("ucf101", made, "train2")
    assert [file for file, _ in read(train)[:2]] == [
        f"v_ApplyEyeMakeup_g0{g}_c01.avi" for g in (1, 3)
    ]
    assert train.ids[0] == "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi"


def test_names_that_are_given_replace_those_of_the_data_set_and_have_their_own_order(tmp_path):
    lists, root = published.ucf101(tmp_path)
    given = ["YoYo", "ApplyEyeMakeup", "HandStandPushups"]
    split = open_source(f"ucf101:{lists}@test1", root=str(root), class_names=given)
    assert split.class_names == tuple(given)
    assert split.source.labels.tolist() == [1, 2, 0]
    with pytest.raises(ValueError, match="has 1 classes that are none of the 2 class names"):
        open_source(f"ucf101:{lists}@test1", root=str(root), class_names=given[:2])


def test_of_files_with_one_name_the_one_in_the_classs_folder_is_taken(tmp_path):
    lists, root = published.ucf101(tmp_path)
    other = root / "A_copy" / "v_YoYo_g01_c01.mp4"
    other.parent.mkdir()
    other.write_bytes(b"copy")
    split = open_source(f"ucf101:{lists}@test1", root=str(root), class_names=None)
    assert read(split)[2][0] == "v_YoYo_g01_c01.avi"


def test_zero_shot_classes_of_kinetics_600_are_three_sets_of_some_of_its_classes(tmp_path):
    made = published.zsl220(tmp_path)
    second = opened("zsl220", made, "test2")
    assert second.class_names == ("bull fighting", "fly tying")
    # The last video of the last class is not listed.
    assert read(second) == [
        ("A3aaaaaaaaa_000010_000020.mp4", "bull fighting"),
        ("B3aaaaaaaaa_000010_000020.mp4", "bull fighting"),
        ("A5aaaaaaaaa_000010_000020.mp4", "fly tying"),
    ]
    assert opened("zsl220", made, "test3").class_names == ("fly tying", "arguing")


def test_kinetics_is_opened_by_its_folder(tmp_path):
    header = "label,youtube_id,time_start,time_end,split\n"
    put(tmp_path / "lists" / "train.csv", f"{header}zumba,AAAAAAAAAAA,10,20,train\n")
    put(tmp_path / "lists" / "val.csv", f"{header}zumba,BBBBBBBBBBB,0,10,val\n")
    (tmp_path / "BBBBBBBBBBB.mp4").write_bytes(b"B")
    split = opened("kinetics", (tmp_path / "lists", tmp_path), "validation")
    assert read(split) == [("B", "zumba")]
    put(tmp_path / "lists" / "val.csv", "path,label\nB.mp4,0\n")
    with pytest.raises(ValueError, match=r"Kinetics' CSV .*found a first line 'path,label'"):
        opened("kinetics", (tmp_path / "lists", tmp_path), "validation")


def test_a_dive_is_named_by_its_parts(tmp_path):
    made = published.diving48(tmp_path)
    train = opened("diving48", made, "train")
    assert train.class_names == ("Back 15som 05Twis FREE", "Forward NoTwis PIKE")
    assert read(train)[:2] == [
        ("_8Vy3dlHg2w_00000.mp4", "Back 15som 05Twis FREE"),
        ("_8Vy3dlHg2w_00001.mp4", "Forward NoTwis PIKE"),
    ]
    assert len(train.source) == 4
    assert train.notes == []
    late = [{"vid_name": "_8Vy3dlHg2w_00004", "label": 1, "start_frame": 7, "end_frame": 9}]
    put(made[0] / "Diving48_V2_test.json", late)
    assert "1 of 1 clips begin after frame 0" in opened("diving48", made, "test").notes[0]


def test_a_video_of_charades_has_every_action_that_happens_in_it_once(tmp_path):
    made = published.charades(tmp_path)
    train = opened("charades", made, "train")
    assert train.class_names[2] == "Taking a phone/camera"
    assert train.source.targets.tolist() == [
        [True, False, True],
        [False, True, False],
        [False, False, False],
        [False, False, True],
    ]
    assert train.source.labels.tolist() == [0, 1, 0, 2]
    assert list(train.ids) == ["TR000", "TR001", "TR002", "TR003"]
    assert "1 of 4 videos have no action, such as TR002" in train.notes[0]
    turned = ["Taking a phone/camera", "Putting clothes somewhere", "Holding some clothes"]
    lists, root = made
    split = open_source(f"charades:{lists}@train", root=str(root), class_names=turned)
    assert split.source.targets[0].tolist() == [True, False, True]
    assert split.source.labels.tolist() == [0, 1, 0, 0]


def hmdb_line(lists):
    put(lists / "wave_test_split1.txt", "a.avi 1\nb.avi 3\nc.avi\n")


def hmdb_gone(lists):
    for path in lists.glob("*_split1.txt"):
        path.unlink()


def ucf_number(lists):
    put(lists / "trainlist01.txt", "YoYo/v_YoYo_g02_c01.avi 2\n")


def ucf_class(lists):
    put(lists / "trainlist01.txt", "Juggling/a.avi 1\nv_YoYo_g02_c01.avi 3\n")


def ucf_index(lists):
    (lists / "classInd.txt").unlink()


def ucf_empty(lists):
    put(lists / "trainlist01.txt", "\n")


def dives_label(lists):
    put(lists / "Diving48_V2_train.json", [{"vid_name": "a", "label": 2}, {"label": 0}, 3])


def dives_object(lists):
    put(lists / "Diving48_V2_train.json", {"a": 1})


def charades_header(lists):
    put(lists / "Charades_v1_train.csv", "id,label\nA,c000\n")


def charades_cells(lists):
    rows = [
        "A,S1,,,,,,,,c003 0 1,3",
        "B,S1,,,,,,,,walking 0 1,3",
        ",,,,,,,,,,",
        "C,S1",
        ",S,,,,,,,,,",
    ]
    put(lists / "Charades_v1_train.csv", "\n".join([CHARADES, *rows]))


def zsl_numbers(lists):
    put(lists / "tst_class_idxs.json", [[2, 6], [1], [2]])


def zsl_lists(lists):
    put(lists / "tst_class_idxs.json", [[2, 4]])


def zsl_lines(lists):
    put(lists / "tst_video_metas.jsonl", '{"videoname": "a.mp4", "label": 6}\nnothing\n')


def zsl_words(lists):
    put(lists / "classes620_label_defn.json", ["arguing"])


def zsl_videos(lists):
    put(lists / "tst_video_names.json", [])


BAD = [
    ("hmdb51", hmdb_line, ["2 lines of", "_split1.txt:2: expected a file and 0, 1 or 2", ":3:"]),
    ("hmdb51", hmdb_gone, ["has no *_test_split1.txt"]),
    ("ucf101", ucf_number, ["'YoYo' is class 3 of classInd.txt, found 2 behind YoYo/v_"]),
    ("ucf101", ucf_class, [":1: 'Juggling' is none of the 3 classes", ":2: expected Class/"]),
    ("ucf101", ucf_index, ["has no classInd.txt"]),
    ("ucf101", ucf_empty, ["lists no clips"]),
    ("diving48", dives_label, [":1: expected a label from 0 to 1, found 2", ":2: ", ":3:"]),
    ("diving48", dives_object, ["is no list of clips"]),
    ("charades", charades_header, ["columns id and actions", "found the columns id, label"]),
    ("charades", charades_cells, [":2: c003 is none of the 3 classes", ":3: expected actions such",
                                  ":5: expected 11 columns, found 2", ":6: expected the id"]),
    ("zsl220", zsl_numbers, ["list 1: expected different numbers from 0 to 5, found [2, 6]"]),
    ("zsl220", zsl_lists, ["expected three lists"]),
    ("zsl220", zsl_lines, [":1: expected", ":2: expected"]),
    ("zsl220", zsl_words, ["with a word for each class"]),
    ("zsl220", zsl_videos, ["has no clip of the 2 classes of test1"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "damage", "words"), BAD, ids=[b[1].__name__ for b in BAD])
def test_a_bad_list_is_said_in_words(kind, damage, words, tmp_path):
    made = getattr(published, kind)(tmp_path)
    damage(made[0])
    part = "test1" if kind == "zsl220" else "train1" if kind in ("hmdb51", "ucf101") else "train"
    with pytest.raises((ValueError, OSError)) as error:
        opened(kind, made, part)
    for word in words:
        assert word in str(error.value)


def test_an_unknown_part_or_folder_is_refused_and_the_parts_are_named(tmp_path):
    lists, root = published.hmdb51(tmp_path)
    with pytest.raises(ValueError, match="PART is one of train1, test1, train2"):
        open_source(f"hmdb51:{lists}@train4", root=str(root), class_names=None)
    with pytest.raises(ValueError, match="expected hmdb51:FOLDER@PART"):
        open_source(f"hmdb51:{lists}", root=str(root), class_names=None)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        open_source("hmdb51:nowhere@train1", root=str(root), class_names=None)


def test_videos_in_another_folder_are_an_error_and_some_missing_ones_are_not(tmp_path):
    lists, root = published.hmdb51(tmp_path)
    assert opened("hmdb51", (lists, root), "train1").notes == []
    next(root.rglob("Take_1_*.avi")).unlink()
    train = opened("hmdb51", (lists, root), "train1")
    assert len(train.source) == 9
    assert train.notes == [f"{lists}: 1 of 9 clips have no file below {root}"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"none of the 9 clips .*Point data.root to the videos"):
        opened("hmdb51", (lists, tmp_path / "empty"), "train1")


def test_a_hidden_file_is_no_list_of_hmdb(tmp_path):
    made = published.hmdb51(tmp_path)
    (made[0] / "._wave_test_split1.txt").write_bytes(b"\0\5\x16\7")
    assert opened("hmdb51", made, "train1").class_names == ("brush hair", "climb stairs", "wave")


def test_a_class_of_hmdb_without_its_list_of_the_split_is_an_error(tmp_path):
    made = published.hmdb51(tmp_path)
    (made[0] / "wave_test_split2.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 classes .*\n  wave_test_split2\.txt"):
        opened("hmdb51", made, "train2")
    assert len(opened("hmdb51", made, "train1").source) == 9

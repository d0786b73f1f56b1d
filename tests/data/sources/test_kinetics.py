"""Kinetics' own lists: by any of their names, and what is refused."""

import pytest

from ila_jax.data.sources.opening import open_source
from tests.data.sources.test_opening import HEADER, read, touch, write

KINETICS = [
    ("id.mp4", "AAAAAAAAAAA.mp4"),
    ("times", "AAAAAAAAAAA_000010_000020.mp4"),
    ("plain times", "AAAAAAAAAAA_10_20.mp4"),
    ("start", "AAAAAAAAAAA_000010.mp4"),
    ("class folder", "tying knot (not on a tie)/AAAAAAAAAAA_000010_000020.mkv"),
    ("underscores", "train/tying_knot_not_on_a_tie/AAAAAAAAAAA_000010_000020.webm"),
    ("split folder", "compress/train_256/AAAAAAAAAAA.AVI"),
]


@pytest.mark.parametrize("file", [file for _, file in KINETICS], ids=[n for n, _ in KINETICS])
def test_kinetics_files_by_any_of_their_names(tmp_path, file):
    root = touch(tmp_path / "k", file, "other/BBBBBBBBBBB_000010_000020.mp4", "AAAAAAAAAAA.txt")
    rows = (
        'tying knot (not on a tie),AAAAAAAAAAA,10,20,train\n"other, thing",-_missing_-,0,10,train\n'
    )
    opened = open_source(write(tmp_path / "t.csv", HEADER + rows), root=str(root), class_names=None)
    assert opened.class_names == ("other, thing", "tying knot (not on a tie)")
    assert read(opened) == [(file, "tying knot (not on a tie)"), (None, "other, thing")]
    assert opened.ids == ["AAAAAAAAAAA_000010_000020", "-_missing_-_000000_000010"]
    assert opened.notes[0] == f"{tmp_path / 't.csv'}: 1 of 2 clips have no file below {root}"
    assert opened.source.name(1) == f"{root}/-_missing_-_000000_000010.mp4"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.txt", HEADER + "walk,AAAAAAAAAAA,10,20,train\n"),
        ("train", HEADER.replace(",", "\t") + "walk\tAAAAAAAAAAA\t10\t20\ttrain\n"),
        ("train.csv", HEADER.replace(",", ";") + "walk;AAAAAAAAAAA;10;20;train\n"),
        ("train.csv", "\ufeff" + HEADER.upper() + "walk,AAAAAAAAAAA,10,20,train\r\n"),
        ("train.csv", 'youtube_id, label\nAAAAAAAAAAA, "walk"\n'),
    ],
)
def test_kinetics_by_what_is_in_the_file(tmp_path, name, text):
    root = touch(tmp_path / "k", "AAAAAAAAAAA.mp4", "AAAAAAAAAAA.gif")
    opened = open_source(write(tmp_path / name, text), root=str(root), class_names=None)
    assert read(opened) == [("AAAAAAAAAAA.mp4", "walk")]  # and not its preview


def test_kinetics_takes_the_file_of_the_class_then_of_the_split(tmp_path):
    names = [
        "aaa/AAAAAAAAAAA_000010_000020.mp4",
        "sword_fighting/AAAAAAAAAAA_000010_000020.mp4",
        "a/BBBBBBBBBBB.mp4",
        "val/BBBBBBBBBBB.mp4",
        "a/CCCCCCCCCCC.mp4",
        "b/CCCCCCCCCCC.mp4",
    ]
    rows = "\n".join(f"sword fighting,{c * 11},10,20,validate" for c in "ABC")
    where = write(tmp_path / "t.csv", HEADER + rows)
    opened = open_source(where, root=str(touch(tmp_path / "k", *names)), class_names=None)
    assert [file for file, _ in read(opened)] == [names[1], names[3], names[4]]


def test_kinetics_rows_that_cannot_be_used_are_told_together(tmp_path):
    rows = "a,AAAAAAAAAAA,0,10,train\n,BBBBBBBBBBB,0,10,train\nb,CCCCCCCCCCC,x,10,train\nc\n"
    where = write(tmp_path / "t.csv", HEADER + rows)
    with pytest.raises(ValueError, match=r"3 rows of .* cannot be used") as caught:
        open_source(where, root=str(tmp_path), class_names=None)
    lines = str(caught.value).split("\n  ")[1:]
    assert [line.split(":")[1] for line in lines] == ["3", "4", "5"]
    assert "expected times in seconds, found 'x' and '10'" in lines[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("youtube_id,time_start,time_end\nAAAAAAAAAAA,0,10\n", "no column label"),
        ("", "is empty"),
        (HEADER + 'a,AAAAAAAAAAA,0,10,"x\nb,BBBBBBBBBBB,0,10,x\n', "t.csv:2: a quote is not"),
        (HEADER + 'a,AAAAAAAAAAA,0,10,"x\nb,BBBBBBBBBBB,0,10,x"\n', "t.csv:2: a quote that is"),
        (HEADER + '"a"b,AAAAAAAAAAA,0,10,train\n', "t.csv:2: a quote is not closed"),
        # Long enough for the csv module to give up on a field.
        (HEADER + '"a,AAAAAAAAAAA,0,10,train\n' + "b,BBBBBBBBBBB,0,10,train\n" * 10_000,
         "t.csv:2: a quote is not closed"),
        (HEADER, "lists no clips"),
        (HEADER + "a,BBBBBBBBBBB,3,13,train\n",
         "expected names such as BBBBBBBBBBB_000003_000013.mp4 or BBBBBBBBBBB_3_13.mp4 or "
         "BBBBBBBBBBB_000003.mp4 or BBBBBBBBBBB.mp4, in any folders; found 1 video files such as "
         "x/y.mp4"),
    ],
)  # fmt: skip
def test_kinetics_lists_that_cannot_be_used(tmp_path, text, said):
    where = write(tmp_path / "t.csv", text)
    with pytest.raises(ValueError, match=r"t\.csv") as caught:
        open_source(where, root=str(touch(tmp_path / "k", "x/y.mp4")), class_names=None)
    assert said in str(caught.value)

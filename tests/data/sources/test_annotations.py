"""Annotation lists: what is read, and that every bad line is named."""

import os
from pathlib import Path

import pytest

from ila_jax.data.sources.annotations import LabelledFile, read_list
from ila_jax.data.sources.opening import open_source


def test_a_list(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a/b.mp4 0\n\n  my clips/of  two words.mp4\t12 \r\n/abs/c.webm 3\nbré.mp4 1")
    assert read_list(path, "/data", 13) == [
        LabelledFile("/data/a/b.mp4", 0),
        LabelledFile("/data/my clips/of  two words.mp4", 12),
        LabelledFile("/abs/c.webm", 3),
        LabelledFile("/data/bré.mp4", 1),
    ]


def test_bad_lines_are_reported_together(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a.mp4 1\nb.mp4\nc.mp4 5\nd.mp4 -1\ne.mp4 1.5\n7\nf.mp4 ²\n")
    with pytest.raises(ValueError, match=r"6 lines of .* correct or remove them") as caught:
        read_list(path, "", 5)
    lines = str(caught.value).split("\n  ")[1:]
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "5", "6", "7"]
    assert "expected a path and a label, found 'b.mp4'" in lines[0]
    assert "the label is 5, but there are 5 classes, 0 to 4" in lines[1]
    assert "expected a label from 0 to 4 at the end, found '-1'" in lines[2]


def test_the_report_is_short(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a.mp4\n" * 25)
    with pytest.raises(ValueError, match=r"25 lines") as caught:
        read_list(path, "", 5)
    assert str(caught.value).count("\n") == 11
    assert str(caught.value).endswith("and 15 more")


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_list(tmp_path, text):
    (tmp_path / "train.txt").write_text(text)
    with pytest.raises(ValueError, match="lists no videos: expected lines like"):
        read_list(tmp_path / "train.txt", "", 5)


def test_no_list(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"train.txt does not exist: expected an annotation"
    ):
        read_list(tmp_path / "train.txt", "", 5)
    with pytest.raises(ValueError, match="is a folder"):
        read_list(tmp_path, "", 5)
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\x00a.mp4 1")
    with pytest.raises(ValueError, match=r"train.txt:1: expected a path and a label"):
        read_list(tmp_path / "train.txt", "", 5)


FORMS = {
    "spaces": "clips/a.mp4 0\nclips/b c.mp4 1\n",
    "commas": "clips/a.mp4,0\nclips/b c.mp4,1\n",
    "commas and spaces": "clips/a.mp4, 0\nclips/b c.mp4 , 1",
    "tabs": "clips/a.mp4\t0\nclips/b c.mp4\t1",
    "semicolons": "clips/a.mp4;0\nclips/b c.mp4;1",
    "quotes": '"clips/a.mp4","0"\n"clips/b c.mp4","1"',
    "quoted paths": '"clips/a.mp4" 0\n"clips/b c.mp4" 1',
    "single quotes": "'clips/a.mp4' 0\n'clips/b c.mp4' 1",
    "header": "path,label\nclips/a.mp4,0\nclips/b c.mp4,1",
    "header of tabs": "video_path\tclass_id\nclips/a.mp4\t0\nclips/b c.mp4\t1",
    "spaced header": "path label\nclips/a.mp4 0\nclips/b c.mp4 1",
    "label first": "label,path\n0,clips/a.mp4\n1,clips/b c.mp4",
    "pandas": ",path,label\n0,clips/a.mp4,0\n1,clips/b c.mp4,1",
    "more columns": "path;frames;label\nclips/a.mp4;300;0\nclips/b c.mp4;250;1",
    "Windows": "clips/a.mp4 0\r\nclips/b c.mp4 1\r\n",
    "old Mac": "clips/a.mp4 0\rclips/b c.mp4 1\r",
    "mark": "\ufeffclips/a.mp4 0\nclips/b c.mp4 1",
    "UTF-16": "clips/a.mp4\t0\r\nclips/b c.mp4\t1\r\n".encode("utf-16"),
}  # fmt: skip


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["list.csv", "list.txt", "list"])
def test_forms_of_the_same_list(tmp_path, text, name):
    """By what is in the file, whatever it is called."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    expected = [LabelledFile("/v/clips/a.mp4", 0), LabelledFile("/v/clips/b c.mp4", 1)]
    assert read_list(path, "/v", 2) == expected
    source = open_source(str(path), root="/v", class_names=["no", "yes"]).source
    assert [source.name(k) for k in range(2)] == [example.path for example in expected]
    assert source.labels.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["space.csv", "comma.csv"])
def test_a_list_called_csv(name):
    path = Path(__file__).parents[1] / "cases" / name
    assert read_list(path, "", 2) == [
        LabelledFile("clips/a.mp4", 0),
        LabelledFile("clips/b c.mp4", 1),
    ]


def test_paths_that_hold_what_separates(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('"a, ""b"".mp4",1\nc;d.mp4,0\n')
    assert read_list(path, "", 2) == [LabelledFile('a, "b".mp4', 1), LabelledFile("c;d.mp4", 0)]
    path.write_text("a, b.mp4 1\nweird, 0\n")
    assert read_list(path, "", 2) == [LabelledFile("a, b.mp4", 1), LabelledFile("weird,", 0)]


def test_a_folder_whose_name_ends_in_a_number_is_no_count_of_frames(tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "take 2").write_bytes(b"a video")
    (tmp_path / "list.txt").write_text("v/take 2 0\n")
    expected = [LabelledFile(f"{tmp_path}/v/take 2", 0)]
    assert read_list(tmp_path / "list.txt", tmp_path, 1) == expected


def test_paths_from_windows(tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "café.mp4").write_bytes(b"a video")
    (tmp_path / "clips" / "a\\b.mp4").write_bytes(b"another")
    (tmp_path / "list.txt").write_text("clips\\cafe\u0301.mp4 0\nclips/a\\b.mp4 0\n")
    opened = open_source(str(tmp_path / "list.txt"), root=str(tmp_path), class_names=["a"])
    assert [opened.source.read(k) for k in range(2)] == [b"a video", b"another"]


def test_paths_of_bytes_that_are_no_text(tmp_path):
    """A disk may have names in Latin-1; then the list has them as well."""
    name = os.fsdecode("café.mp4".encode("latin-1"))
    (tmp_path / name).write_bytes(b"a video")
    (tmp_path / "list.txt").write_bytes(os.fsencode(f"{name} 0\n"))
    opened = open_source(str(tmp_path / "list.txt"), root=str(tmp_path), class_names=["a"])
    assert opened.source.read(0) == b"a video"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.mp4 1,2,3\nb.mp4 0", ["list.csv:1", "'1,2,3'"]),
        ("a.mp4 300 1\nb.mp4 250 0", ["expected one label behind the path, found '300' and '1'"]),
        ("a.mp4,0,1\nb.mp4,1,0", ["expected one label behind the path, found '0' and '1'"]),
        ("a.mp4,archery,3,0\nb.mp4,bowling,3,1", ["expected one label", "'archery,3' and '0'"]),
        ("v/a 299 0\nv/b 310 1", ["list.csv:1: 'v/a 299' 0 looks like a folder of frames"]),
        ("v/a,299,0\nv/b,310,1", ["list.csv:1: 'v/a,299' 0 looks like a folder of frames"]),
        ('"a.mp4 0"\n"b.mp4 1"', ["list.csv:1: a quote is not closed around the path"]),
        ('"a.mp4,0\n' + "b.mp4,1\n" * 9, ["1 lines of", "csv:1: a quote is not closed"]),
        ("0,a.mp4\n1,b.mp4", ["expected a", "0,a.mp4"]),
        ("a.mp4 1\nb.mp4 2", ["the label is 2", "does the list count from 1, to 2?"]),
        ("path,label\na.mp4,archery", ["expected a label from 0 to 1 at the end, found 'archery'"]),
        ('path,x,label\n"a.mp4,1,0\nb.mp4,1,0', ["list.csv:2: a quote is not closed"]),
        ("a.mp4,0\nb.mp4,1\nc.mp4\ne.mp4,0", ["1 lines of", "csv:3: expected a path and a"]),
        (
            "a.mp4 " + "1" * 5000,
            ["list.csv:1: expected a label from 0 to 1 at the end, found '111"],
        ),
        ("", ["is empty"]),
        ("path,label\n", ["lists no videos"]),
        ("a.mp4 0\nb\0.mp4 1", ["list.csv:2 holds a zero byte"]),
    ],
)
def test_lists_that_cannot_be_used(tmp_path, text, said):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"list\.csv") as caught:
        open_source(str(path), root="", class_names=["no", "yes"])
    for words in said:
        assert words in str(caught.value)

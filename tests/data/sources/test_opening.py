"""Every kind of annotation, opened by its name: which file is which class, and what is refused."""

import json
import os
import pickle
from pathlib import Path

import pytest

from ila_jax.data.sources.opening import open_source, open_splits
from ila_jax.data.video.bad import BadVideo, Reason

HEADER = "label,youtube_id,time_start,time_end,split\n"


def touch(root: Path, *names: str) -> Path:
    """Files that hold their own names, so that what is read tells which file it was."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def read(opened):
    """(file, class name) of every video; None for a file that is missing."""
    out = []
    for index in range(len(opened.source)):
        try:
            file = opened.source.read(index).decode()
        except BadVideo as error:
            file = None if error.reason is Reason.MISSING else error.reason
        out.append((file, opened.class_names[opened.source.labels[index]]))
    return out


def write(path: Path, content) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_list_needs_names_for_its_numbers(tmp_path):
    root = touch(tmp_path / "videos", "a b/c.mp4", "d.webm")
    where = write(tmp_path / "train.txt", "a b/c.mp4 1\nd.webm 0\n")
    opened = open_source(where, root=str(root), class_names=["no", "yes"])
    assert read(opened) == [("a b/c.mp4", "yes"), ("d.webm", "no")]
    assert opened.ids == ["a b/c.mp4", "d.webm"]
    with pytest.raises(
        ValueError, match=r"names no classes: name them in a file.*data.class_names"
    ):
        open_source(where, root=str(root), class_names=None)


def test_names_in_another_encoding_are_told_with_their_line(tmp_path):
    (tmp_path / "t.csv").write_bytes(HEADER.encode() + b"caf\xe9,AAAAAAAAAAA,0,10,train\n")
    with pytest.raises(ValueError, match=r"t\.csv:2 is not UTF-8 text \(byte 46 of the file, 0xe9"):
        open_source(str(tmp_path / "t.csv"), root="", class_names=None)
    (tmp_path / "t.json").write_bytes(b'[{"id": "1",\n "template": "caf\xe9"}]')
    with pytest.raises(ValueError, match=r"t\.json:2 is not UTF-8 text"):
        open_source(str(tmp_path / "t.json"), root="", class_names=None)


def test_a_list_through_a_pipe_is_read_once(tmp_path):
    root = touch(tmp_path / "v", "a.mp4")
    reading, writing = os.pipe()
    os.write(writing, b"a.mp4 0\n")
    os.close(writing)
    opened = open_source(f"/dev/fd/{reading}", root=str(root), class_names=["x"])
    os.close(reading)
    assert read(opened) == [("a.mp4", "x")]


def something(*entries):
    return [
        {"id": video, "label": "holding a cup", "template": template, "placeholders": ["a cup"]}
        for video, template in entries
    ]


LABELS = {"Holding something": "1", "Bending number of something": "0"}


def test_something_takes_templates_without_brackets_and_labels_json(tmp_path):
    root = touch(tmp_path / "videos", "20bn/1.webm", "20bn/2.webm")
    write(tmp_path / "labels.json", LABELS)
    entries = [("2", "Holding [something]"), (1, "Bending [number of] [something]"),
               ("3", "Holding [something]")]  # fmt: skip
    where = write(tmp_path / "train.json", something(*entries))
    opened = open_source(where, root=str(root), class_names=None)
    assert opened.class_names == ("Bending number of something", "Holding something")
    assert read(opened) == [
        ("20bn/2.webm", "Holding something"),
        ("20bn/1.webm", "Bending number of something"),
        (None, "Holding something"),
    ]
    assert opened.ids == ["2", "1", "3"]


@pytest.mark.parametrize("name", ["train.txt", "train", "train.csv"])
def test_something_by_what_is_in_the_file(tmp_path, name):
    root = touch(tmp_path / "videos", "1.webm")
    write(tmp_path / "labels.json", LABELS)
    where = write(tmp_path / name, something(("1", "Holding [something]")))
    opened = open_source(where, root=str(root), class_names=None)
    assert read(opened) == [("1.webm", "Holding something")]


def test_a_list_of_paths_may_begin_with_a_bracket(tmp_path):
    root = touch(tmp_path / "v", "[1] a.mp4")
    where = write(tmp_path / "list", "[1] a.mp4 0\n")
    assert read(open_source(where, root=str(root), class_names=["x"])) == [("[1] a.mp4", "x")]


def test_something_that_cannot_be_used(tmp_path):
    root = str(touch(tmp_path / "videos", "1.webm"))

    def said(content, labels=LABELS):
        if labels is not None:
            write(tmp_path / "labels.json", labels)
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            open_source(write(tmp_path / "t.json", content), root=root, class_names=None)
        return str(caught.value)

    assert "beside" in said(something(("1", "Holding [something]")), labels=None)
    assert "is no JSON" in said("[")
    assert "is nested too deeply" in said("[" * 100_000)
    assert "is no list" in said({"id": "1", "template": "x"})
    assert "lists no videos" in said([])
    found = said([*something(("1", "x"), ("", "x")), {"id": "2"}, "4"])
    assert found.startswith("3 entries of")
    assert "entry 2: expected a template, found None" in found
    assert "'Eating something'\n  'Kicking something'" in said(
        something(("1", "Kicking [something]"), ("2", "Eating [something]"))
    )
    assert "such as 7.webm, in any folders; found 1 video files such as 1.webm" in said(
        something(("7", "Holding [something]"))
    )


def test_a_folder_for_each_class(tmp_path):
    root = touch(
        tmp_path / "train",
        "two_words/g01/a.mp4", "archery/b c.MOV", "archery/.hidden.mp4", "archery/notes.txt",
    )  # fmt: skip
    opened = open_source(str(root), root="", class_names=None)
    assert opened.class_names == ("archery", "two words")
    assert read(opened) == [("archery/b c.MOV", "archery"), ("two_words/g01/a.mp4", "two words")]
    assert opened.ids == ["archery/b c.MOV", "two_words/g01/a.mp4"]


def test_a_class_folder_whose_name_is_no_text(tmp_path):
    """The class has an escape in its name, the file keeps the name that finds it."""
    folder = tmp_path / os.fsdecode(b"caf\xe9_noir")
    folder.mkdir()
    (tmp_path / "tea").mkdir()
    for path in (folder / "a.mp4", tmp_path / "tea" / "b.mp4"):
        path.write_bytes(b"x")
    opened = open_source(str(tmp_path), root="", class_names=None)
    assert opened.class_names == (r"caf\xe9 noir", "tea")
    assert opened.source.read(0) == b"x"
    again = open_source(
        str(tmp_path), root="", class_names=opened.class_names
    )  # as a checkpoint names them
    assert (again.class_names, again.source.labels.tolist()) == (opened.class_names, [0, 1])


def test_folders_that_cannot_be_used(tmp_path):
    def said(*names, class_names=None):
        folder = touch(tmp_path / str(len(names)), *names)
        folder.mkdir(exist_ok=True)
        with pytest.raises(ValueError, match=r"holds no folder|cannot be used") as caught:
            open_source(str(folder), root="", class_names=class_names)
        return str(caught.value)

    assert "archery/clip.mp4" in said()
    assert "found 1 video in no folder, such as a.mp4" in said("a.mp4")
    found = said("a b/1.mp4", "a_b/2.mp4", "3.mp4")
    assert "3.mp4: in no class's folder" in found
    assert "a_b: is it the same class as a b?" in found
    assert "x: none of the 1 class names, such as 'y'" in said("x/1.mp4", "y/2.mp4",
                                                              class_names=["y"])  # fmt: skip


def test_links_are_followed_and_a_circle_is_no_trap(tmp_path):
    touch(tmp_path / "elsewhere", "clip.mp4")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "archery").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "train")
    assert read(open_source(str(tmp_path / "train"), root="", class_names=None)) == [
        ("clip.mp4", "archery")
    ]


def test_validation_takes_the_names_of_training(tmp_path):
    root = touch(tmp_path / "k", "AAAAAAAAAAA.mp4", "BBBBBBBBBBB.mp4", "CCCCCCCCCCC.mp4")
    rows = "b,AAAAAAAAAAA,0,10,train\na,BBBBBBBBBBB,0,10,train\n"
    train = write(tmp_path / "train.csv", HEADER + rows)
    validation = write(tmp_path / "val.csv", HEADER + "b,CCCCCCCCCCC,0,10,validate\n")
    splits = open_splits(train, validation, root=str(root), class_names=None)
    assert splits.class_names == splits.validation.class_names == ("a", "b")
    assert splits.validation.source.labels.tolist() == [1]
    write(tmp_path / "val.csv", HEADER + "c,CCCCCCCCCCC,0,10,validate\n")
    with pytest.raises(ValueError, match=r"val.csv has 1 labels that are none of the 2 .*\n  'c'"):
        open_splits(train, validation, root=str(root), class_names=None)


def test_what_is_wrong_with_both_splits_is_told_together(tmp_path):
    with pytest.raises(ValueError, match=r"train\.txt' does not exist") as caught:
        open_splits(
            str(tmp_path / "train.txt"), str(tmp_path / "val.csv"), root="", class_names=None
        )
    assert "val.csv' does not exist" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="'' does not exist"):
        open_source("", root="", class_names=None)


def test_no_root(tmp_path):
    where = write(tmp_path / "t.csv", HEADER + "a,AAAAAAAAAAA,0,10,train\n")
    with pytest.raises(FileNotFoundError, match="none does not exist: expected the folder"):
        open_source(where, root=str(tmp_path / "none"), class_names=None)
    with pytest.raises(ValueError, match="is a file: expected the folder"):
        open_source(where, root=where, class_names=None)


def test_a_source_is_the_same_in_a_worker(tmp_path):
    root = touch(tmp_path / "v", "é.mp4", "b.mp4")
    where = write(tmp_path / "train.txt", "é.mp4 0\nb.mp4 0\n")
    source = open_source(where, root=str(root), class_names=["x"]).source
    there = pickle.loads(pickle.dumps(source))
    assert [there.name(i) for i in range(2)] == [f"{root}/é.mp4", f"{root}/b.mp4"]
    assert there.read(1) == b"b.mp4"
    with pytest.raises(IndexError):
        there.name(2)

"""A folder for each class: whose folders are which classes, and what is said of the rest."""

import unicodedata
from pathlib import Path

import pytest

from ila_jax.data.check.duplicates import stat_files
from ila_jax.data.sources.fingerprint import fingerprint
from ila_jax.data.sources.opening import open_source, open_splits
from ila_jax.data.video.bad import BadVideo


def touch(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"a video")
    return str(root)


def opened(folder: str, class_names=None):
    """({class name: its files}, notes)."""
    found = open_source(folder, root="", class_names=class_names)
    files: dict[str, list[str]] = {name: [] for name in found.class_names}
    for label, name in zip(found.source.labels.tolist(), found.ids, strict=True):
        files[found.class_names[label]].append(name)
    return files, list(found.notes)


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("one", "other"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_of_a_mac_and_of_others_are_the_same_classes(tmp_path, one, other):
    train = touch(tmp_path / "train", f"{one}/a.mp4", "walk/b.mp4")
    validation = touch(tmp_path / "val", f"{other}/c.mp4", "walk/d.mp4")
    splits = open_splits(train, validation, root="", class_names=None)
    assert splits.class_names == (COMPOSED, "walk")
    assert splits.validation.source.labels.tolist() == [0, 1]
    assert splits.unseen() == []
    assert splits.validation.source.name(0).endswith(f"{other}/c.mp4")
    assert splits.validation.source.read(0) == b"a video"  # the path stays as the disk has it


@pytest.mark.parametrize(("listed", "there"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_list_from_a_mac_finds_its_files(tmp_path, listed, there):
    root = touch(tmp_path / "videos", f"{there}/a.mp4")
    (tmp_path / "list.txt").write_text(f"{listed}/a.mp4 0\n{listed}/b.mp4 0\n")
    source = open_source(str(tmp_path / "list.txt"), root=root, class_names=["x"]).source
    assert source.read(0) == b"a video"
    with pytest.raises(BadVideo, match="no file at this path"):
        source.read(1)
    assert stat_files([source.name(0), source.name(1)]).size.tolist() == [7, -1]
    ids = [[f"{name}/a.mp4"] for name in (listed, there)]
    assert fingerprint(ids[0], source.labels[:1]) == fingerprint(ids[1], source.labels[:1])


def test_both_spellings_in_one_folder_are_one_class(tmp_path):
    folder = touch(tmp_path, f"{COMPOSED}/a.mp4", f"{DECOMPOSED}/b.mp4", "walk/c.mp4")
    files, _ = opened(folder)
    assert files == {COMPOSED: [f"{DECOMPOSED}/b.mp4", f"{COMPOSED}/a.mp4"], "walk": ["walk/c.mp4"]}


@pytest.mark.parametrize(
    "classes",
    [
        ("C", "C#", "C++"), ("+1", "-1"), ("👍", "👎"), ("कि", "की"), ("Run", "run", "run!"),
        ("a", "á"), ("ab", "a b"), ("2.5", "25"), ("tie-in", "tiein"), ("!", "?"), ("_", "walk"),
    ],
)  # fmt: skip
def test_names_that_differ_are_different_classes(tmp_path, classes):
    for split in ("train", "val"):
        touch(tmp_path / split, *(f"{name}/{split}.mp4" for name in classes))
    splits = open_splits(str(tmp_path / "train"), str(tmp_path / "val"), root="", class_names=None)
    assert splits.class_names == tuple(sorted(classes))
    for source in (splits.train.source, splits.validation.source):
        for label, name in zip(source.labels.tolist(), map(source.name, range(9)), strict=False):
            assert splits.class_names[label] == Path(name).parent.name
    # And where the names are given, by a list.
    files, _ = opened(str(tmp_path / "val"), class_names=list(classes))
    assert files == {name: [f"{name}/val.mp4"] for name in classes}


def test_a_space_and_an_underscore_are_the_same_class(tmp_path):
    folder = touch(tmp_path, "a b/1.mp4", "a_b/2.mp4")
    with pytest.raises(ValueError, match=r"a_b: is it the same class as a b\?"):
        open_source(folder, root="", class_names=None)
    files, _ = opened(touch(tmp_path / "x", "Tying_Knot/1.mp4"), ["tying knot", "tyingknots"])
    assert files["tying knot"] == ["Tying_Knot/1.mp4"]
    files, _ = opened(touch(tmp_path / "y", "a_b/1.mp4", "a__b/2.mp4"))
    assert files == {"a b": ["a_b/1.mp4"], "a  b": ["a__b/2.mp4"]}
    files, _ = opened(touch(tmp_path / "z", "a_b/1.mp4", "a b/2.mp4"), ["a_b", "a b"])
    assert files == {"a_b": ["a_b/1.mp4"], "a b": ["a b/2.mp4"]}


def test_folders_that_are_no_classes_are_told(tmp_path):
    folder = touch(tmp_path, "a/1.mp4", "b/2.mp4", "notes/read me.txt")
    (tmp_path / "empty").mkdir()
    (tmp_path / "only links").mkdir()
    (tmp_path / "only links/up").symlink_to("..")
    files, notes = opened(folder)
    assert files == {"a": ["a/1.mp4"], "b": ["b/2.mp4"]}
    assert notes[0].startswith(
        f"{folder}: 2 videos; beside them 1 links to folders that are listed"
    )
    assert notes[1:] == [
        f"{folder}: 3 folders hold no video, and are no classes (empty, notes, only links)"
    ]


def test_one_class_alone_is_told(tmp_path):
    folder = touch(tmp_path, "a/1.mp4", "a/2.mp4")
    _, notes = opened(folder)
    assert notes == [f"{folder} has one class, 'a': there is nothing to tell it from"]


def test_classes_of_one_split_alone(tmp_path):
    train = touch(tmp_path / "train", "a/1.mp4", "b/2.mp4", "c/3.mp4")
    validation = touch(tmp_path / "val", "a/4.mp4")
    splits = open_splits(train, validation, root="", class_names=None)
    assert splits.unseen() == ["2 of 3 classes have no validation video: 'b', 'c'"]
    touch(tmp_path / "val", "d/5.mp4")
    with pytest.raises(ValueError, match=r"d: none of the 3 class names, such as 'a'"):
        open_splits(train, validation, root="", class_names=None)
    (tmp_path / "names.txt").write_text("a\nb\nc\nd\n")
    splits = open_splits(train, validation, root="", class_names=str(tmp_path / "names.txt"))
    assert splits.unseen() == [
        "1 of 4 classes have no training video: 'd'",
        "2 of 4 classes have no validation video: 'b', 'c'",
    ]


def test_a_missing_target_is_a_video_that_is_missing(tmp_path):
    """A farm of links whose disk is not mounted keeps its classes, and says so."""
    folder = touch(tmp_path, "a/1.mp4")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/2.mp4").symlink_to("/not/mounted/2.mp4")
    found = open_source(folder, root="", class_names=None)
    assert found.class_names == ("a", "b")
    with pytest.raises(BadVideo, match="no file at this path"):
        found.source.read(1)
    assert "1 links that lead nowhere or in a circle (b/2.mp4)" in found.notes[0]


def test_a_name_alone_is_no_list_of_names(tmp_path):
    with pytest.raises(ValueError, match="class names are 'dog': expected a list of names"):
        open_source(touch(tmp_path, "d/1.mp4"), root="", class_names="dog")

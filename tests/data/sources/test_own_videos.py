"""Your own videos: folders and lists of names as people have them, and what is wrong with them."""

from pathlib import Path

import pytest

from ila_jax.data.sources.own_videos import OwnVideos, read_own_videos
from ila_jax.data.sources.spreadsheet import LabelledClip, read_spreadsheet


def touch(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"a video")
    return str(root)


def listed(root: Path, text: str, encoding: str = "utf-8", **options: bool) -> OwnVideos:
    """A list beside the files a.mp4, b.mp4 and d/c, d.mp4."""
    touch(root, "a.mp4", "b.mp4", "d/c, d.mp4")
    (root / "list.csv").write_bytes(text.encode(encoding))
    return read_own_videos(str(root / "list.csv"), **options)


def labels(videos: OwnVideos) -> dict[str, tuple[str, ...]]:
    return {clip.file: clip.labels for clip in videos.clips}


THREE = {"a.mp4": ("run",), "b.mp4": ("jump up",), "d/c, d.mp4": ("run",)}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ('file,label\na.mp4,run\nb.mp4,jump up\n"d/c, d.mp4",run\n', "utf-8"),
        ('a.mp4,run\nb.mp4,"jump up"\n"d/c, d.mp4",run\n', "utf-8"),
        ("Label;Notes;Path\r\nrun;x, y;a.mp4\r\njump up;;b.mp4\r\nrun;z;d/c, d.mp4", "utf-8-sig"),
        ("run\ta.mp4\njump up\tb.mp4\nrun\td/c, d.mp4\n", "utf-16"),
        ("id,File Name,class\n0,a.mp4,run\n1,b.mp4,jump up\n2,\"d/c, d.mp4\",run\n", "utf-8"),
        ("video,action\na,run\nb,jump up\n\"d/c, d.mp4\",run\n", "utf-8"),
    ],
)  # fmt: skip
def test_a_list_is_read_as_programs_export_it(tmp_path, text, encoding):
    videos = listed(tmp_path, text, encoding)
    files = {Path(p).name: c.labels for p, c in zip(videos.paths, videos.clips, strict=True)}
    assert files == {Path(file).name: names for file, names in THREE.items()}
    assert videos.class_names == ("jump up", "run")
    assert not videos.multi_label
    assert all(map(Path.exists, map(Path, videos.paths)))  # from the list's folder


def test_groups_and_splits_are_columns_of_their_own(tmp_path):
    text = "file,label,group,split\na.mp4,run,film 1,Train\nb.mp4,jump,film 1,val\nd/e.mp4,run,,\n"
    clips = listed(tmp_path, text).clips
    assert clips[0] == LabelledClip("a.mp4", ("run",), "film 1", "train")
    assert [(clip.group, clip.split) for clip in clips[1:]] == [("film 1", "validation"), ("", "")]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("run; jump;run", ("run", "jump")),
        ("run|jump", ("run", "jump")),
        ("c092 11.90 21.20;c147 0.00 12.60", ("c092", "c147")),
        ("c092 11.90 21.20", ("c092",)),
        ("", ()),
    ],
)
def test_several_labels_stand_in_one_cell(tmp_path, cell, expected):
    """The third is Charades' own form, a class and the seconds from and to."""
    videos = listed(tmp_path, f'file,label\na.mp4,"{cell}"\nb.mp4,jump; sit\n')
    assert videos.multi_label
    assert labels(videos)["a.mp4"] == expected
    assert ("no label" in " ".join(videos.notes)) == (not expected)


def test_labels_of_two_spellings_are_asked_about_and_merged_at_will(tmp_path):
    text = "file,label\na.mp4,Run\nb.mp4,jump\nd/1.mp4,run\nd/2.mp4,run\nd/3.mp4,run  \n"
    with pytest.raises(ValueError, match=r"merge each line into one class") as error:
        listed(tmp_path, text)
    assert "labels differ only in case" in str(error.value)
    assert "'Run' (1 clip), 'run' (2 clips), 'run  ' (1 clip)" in str(error.value)
    merged = listed(tmp_path, text, merge_labels=True)
    assert merged.class_names == ("jump", "run")
    assert "merged into 'run': 'Run' (1 clip)" in merged.notes[0]


def test_folders_of_two_spellings_as_well(tmp_path):
    folder = touch(tmp_path, "Jump_up/1.mp4", "jump up/2.mp4", "jump up/3.mp4", "run/4.mp4")
    with pytest.raises(ValueError, match=r"'Jump_up' \(1 clip\), 'jump up' \(2 clips\)"):
        read_own_videos(folder)
    merged = read_own_videos(folder, merge_labels=True)
    assert labels(merged)["Jump_up/1.mp4"] == ("jump up",)
    assert merged.class_names == ("jump up", "run")


def test_classes_that_differ_in_more_are_classes(tmp_path):
    folder = touch(tmp_path, "C/1.mp4", "C++/2.mp4", "10/1.mp4", "9/1.mp4")
    assert read_own_videos(folder).class_names == ("10", "9", "C", "C++")
    assert listed(tmp_path, "file,label\na.mp4,10\nb.mp4,9\n").class_names == ("9", "10")


def test_a_folder_for_each_class_in_folders_for_each_split(tmp_path):
    folder = touch(tmp_path, "train/run/1.mp4", "val/run/2.mp4", "train/jump_up/x/3.mp4")
    videos = read_own_videos(folder)
    assert videos.class_names == ("jump up", "run")
    assert [(clip.file, clip.split) for clip in videos.clips] == [
        ("train/jump_up/x/3.mp4", "train"), ("train/run/1.mp4", "train"),
        ("val/run/2.mp4", "validation"),
    ]  # fmt: skip
    touch(tmp_path, "val/4.mp4")
    with pytest.raises(ValueError, match=r"val/4.mp4: in no class's folder"):
        read_own_videos(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("file,label\n", "found the header alone"),
        ("file,label\na.mp4,run\nb.mp4,run\n", r"has 1 class, 'run'.*two classes or more"),
        ("a.mp4,run,film 1\nb.mp4,jump,film 1\n", r"3 columns and no header"),
        ("a.mp4 run\nb.mp4 jump\n", r"1 column and no header"),
        ("file,label\na.mp4,run\nb.mp4\n", r"csv:3: expected 2 columns or more, found 1"),
        ("file,label\na.mp4,run\n,jump\n", r"csv:3: expected a file, found an empty cell"),
        ("file,label\na.mp4,run\nb.mp4,\n", r"1 file has no label in .*, such as b.mp4"),
        ("file,label\na.mp4,run\nb.mp4,d.mp4\n", r"csv:3: expected a label, found the name of a"),
        ("file,label,split\na.mp4,run,blue\n", r"csv:2: expected a split \(train, validation, te"),
        ('file,label\na.mp4,"run\nb.mp4,jump"\n', r"csv:2: a quote that is opened here is closed"),
        ('file,label\na.mp4,"run\n', r"a quote is not closed"),
        ("file,label\na.mp4,run\n./a.mp4,jump\nb.mp4,jump\n", r"\./a.mp4: run and jump"),
        ("file,label\nx/a.mp4,run\nx/b.mp4,jump\n", r"none of the 2 listed files is there"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_list_is_told_in_words(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        listed(tmp_path, text)


def test_a_file_that_is_listed_twice_alike_is_taken_once(tmp_path):
    videos = listed(tmp_path, "file,label\na.mp4,run\nb.mp4,jump\n./a.mp4,run\n")
    assert len(videos.clips) == len(videos.paths) == 2
    assert "1 file is listed more than once, and taken once (./a.mp4)" in videos.notes[0]


def test_a_workbook_is_told_to_be_saved_as_csv(tmp_path):
    (tmp_path / "list.xlsx").write_bytes(b"PK\x03\x04\0\0")
    with pytest.raises(ValueError, match="an Excel workbook"):
        read_spreadsheet(tmp_path / "list.xlsx")


def test_a_list_that_is_not_there_is_told_with_what_was_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a list of videos with the columns"):
        read_own_videos(str(tmp_path / "none.csv"))

"""From videos to the file of a split: what stays together, what is said, and what an edit does."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from ila_jax.data.sources.opening import open_source, open_splits
from ila_jax.data.sources.own_videos import read_own_videos
from ila_jax.data.sources.split_file import read_split, write_split
from ila_jax.data.split import splitting
from ila_jax.data.split.__main__ import main
from ila_jax.data.split.splitting import SplitSettings, split_videos
from ila_jax.data.split.strips import Strip, unreadable

CLASSES = ("jump up", "run", "sit")


def write_videos(root: Path) -> Path:
    """36 files of 3 classes, three of each of 12 source videos, each file with other bytes."""
    for k in range(36):
        path = root / CLASSES[k % 3].replace(" ", "_") / f"scene{k // 3:03d}_{k % 3}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"video %d" % k)
    return root


def split_by_names(where: Path, **settings) -> splitting.Split:
    chosen = {"by_likeness": False} | settings
    return split_videos(read_own_videos(str(where)), SplitSettings(**chosen), cache=None)


def sides_of_groups(clips):
    sides = defaultdict(set)
    for clip in clips:
        sides[clip.group or clip.file].add(clip.split)
    return sides


def test_source_videos_stay_whole_and_classes_get_their_shares(tmp_path):
    split = split_by_names(write_videos(tmp_path), validation=0.25)
    clips = split.videos.clips
    assert all(len(sides) == 1 for sides in sides_of_groups(clips).values())
    for name in CLASSES:
        sides = [clip.split for clip in clips if clip.labels == (name,)]
        assert (sides.count("train"), sides.count("validation")) == (9, 3)
    assert split.notes == ["kept on one side each: 12 source videos by the names of files"]
    assert clips[0].reason == "of source video scene000, by its name"
    assert not split.warnings


def test_the_same_settings_give_the_same_split(tmp_path):
    where = write_videos(tmp_path)
    one, again, other = (split_by_names(where, seed=seed).videos.clips for seed in (1, 1, 2))
    assert one == again != other


def test_likeness_and_equal_bytes_and_source_videos_make_one_group(tmp_path, monkeypatch):
    """c is like scene000_0, whose bytes are those of d, and b cannot be read."""
    where = write_videos(tmp_path)
    pictures = np.random.default_rng(0).integers(0, 255, (36, 9, 16, 16)).astype(np.uint8)
    (where / "run" / "c.mp4").write_bytes(b"like the first")
    (where / "run" / "b.mp4").write_bytes(b"unreadable")
    (where / "sit" / "b.mp4").write_bytes(b"unreadable")  # another class, and no contradiction
    (where / "run" / "d.mp4").write_bytes(b"video 0")

    def strips(paths, **_):
        taken = iter(pictures)
        made = {path: Strip(0.1, next(taken)) for path in paths if "scene" in path}
        first = made[str(where / "jump_up" / "scene000_0.mp4")]
        made |= {str(where / "run" / f"{name}.mp4"): first for name in "cd"}
        return [made.get(path, unreadable("It is damaged.")) for path in paths]

    monkeypatch.setattr(splitting, "read_strips", strips)
    split = split_by_names(where, by_likeness=True)
    clips = {clip.file: clip for clip in split.videos.clips}
    one = [clip for clip in clips.values() if clip.group == "scene000"]
    assert sorted(Path(clip.file).name for clip in one) == [
        "c.mp4", "d.mp4", "scene000_0.mp4", "scene000_1.mp4", "scene000_2.mp4",
    ]  # fmt: skip
    assert len({clip.split for clip in one}) == 1
    assert "looks like jump_up/scene000_0.mp4 (1.00)" in clips["run/c.mp4"].reason
    assert "the same bytes as jump_up/scene000_0.mp4" in clips["run/d.mp4"].reason
    assert clips["run/b.mp4"].split == "left out"
    assert clips["run/b.mp4"].reason == "It is damaged."
    expected = "2 of 40 clips are left out: It is damaged (2, such as run/b.mp4)"
    assert expected in split.notes
    same, like = split.warnings[:2]
    assert "once, videos are the same file and have different labels" in same
    assert "jump_up/scene000_0.mp4 (jump up) and run/d.mp4 (run)" in same
    assert "once, videos look alike and have different labels" in like


def test_failed_downloads_with_the_same_bytes_join_no_source_videos(tmp_path, monkeypatch):
    where = write_videos(tmp_path)
    failed = [where / "jump_up" / "scene000_0.mp4", where / "run" / "scene004_1.mp4"]
    for path in failed:
        path.write_bytes(b"<html>Not found</html>")
    monkeypatch.setattr(splitting, "read_strips", lambda paths, **_: [
        unreadable("It is no video." * (Path(path) in failed)) for path in paths
    ])  # fmt: skip
    monkeypatch.setattr(splitting, "likenesses", lambda *_: [])
    split = split_by_names(where, by_likeness=True)
    groups = {clip.file: clip.group for clip in split.videos.clips}
    assert groups["run/scene000_1.mp4"] == "scene000"
    assert groups["jump_up/scene004_0.mp4"] == "scene004"
    assert split.notes[0] == "kept on one side each: 12 source videos by the names of files"


def test_groups_and_splits_of_a_list_are_kept(tmp_path):
    write_videos(tmp_path)
    lines = ["file,label,group,split"]
    for k, path in enumerate(sorted(tmp_path.rglob("*.mp4"))):
        given = "test" if k < 2 else ""
        lines.append(f"{path.relative_to(tmp_path)},{path.parent.name},person {k % 6},{given}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    split = split_by_names(tmp_path / "list.csv")
    sides = sides_of_groups(split.videos.clips)
    assert sides["person 0"] == sides["person 1"] == {"test"}  # all of a group goes where one is
    assert all(len(side) == 1 for side in sides.values())
    assert {s for side in sides.values() for s in side} == {"train", "validation", "test"}
    assert split.videos.clips[0].reason == "its split was given; of group person 0"


def test_what_cannot_be_is_told(tmp_path):
    for name in ("run/scene1_1", "run/scene1_2", "run/scene2_1", "jump/scene3_1", "sit/scene4_1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    (tmp_path / "sit" / "scene4_2.mp4").write_bytes(b"x")
    absent, few = split_by_names(tmp_path).warnings
    assert "validation has no clip of 2 of 3 classes, which are not measured: " in absent
    assert "'jump' (one clip in all), 'sit' (2 clips, all of 1 group)" in absent
    assert few == "1 of 1 other classes have fewer than 10 clips: 'run' (3)"


def test_missing_files_are_left_out_and_none_at_all_is_an_error(tmp_path):
    where = write_videos(tmp_path)
    text = "file,label\n" + "".join(
        f"{p.relative_to(where)},{p.parent.name}\n" for p in sorted(where.rglob("*.mp4"))
    )
    (where / "list.csv").write_text(text + "run/gone.mp4,run\n")
    split = split_by_names(where / "list.csv")
    assert (split.videos.clips[-1].split, split.videos.clips[-1].reason) == (
        "left out", "There is no file at this path.",
    )  # fmt: skip
    for path in where.rglob("*.mp4"):
        path.write_bytes(b"")
    videos = read_own_videos(str(where / "list.csv"))
    with pytest.raises(ValueError, match=r"no video of .* can be used, the first is .*is empty"):
        split_videos(videos, SplitSettings(), cache=None)


@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.8, 0.2), (-0.1, 0.5)])
def test_shares_that_are_none_are_told(shares):
    with pytest.raises(ValueError, match="leave some for training"):
        SplitSettings(validation=shares[0], test=shares[1]).fractions()


def test_a_split_is_read_as_it_was_written_and_opens_for_training(tmp_path):
    videos = split_by_names(write_videos(tmp_path / "videos"), test=0.2).videos
    write_split(tmp_path / "split.csv", videos)
    again = read_split(tmp_path / "split.csv")
    assert [(c.labels, c.split, c.group, c.reason) for c in again.clips] == [
        (c.labels, c.split, c.group, c.reason) for c in videos.clips
    ]
    assert again.clips[0].file == "videos/jump_up/scene000_0.mp4"
    splits = open_splits(
        f"split:{tmp_path}/split.csv@train", f"split:{tmp_path}/split.csv@validation",
        root="", class_names=None,
    )  # fmt: skip
    assert splits.class_names == CLASSES
    for opened, name in ((splits.train, "train"), (splits.validation, "validation")):
        clips = [clip for clip in again.clips if clip.split == name]
        assert list(opened.ids) == [clip.file for clip in clips]
        assert [CLASSES[k] for k in opened.source.labels] == [clip.labels[0] for clip in clips]
        assert opened.source.read(0).startswith(b"video")
    with pytest.raises(ValueError, match="one of test, train, validation"):
        open_source(f"split:{tmp_path}/split.csv@val", root="", class_names=None)


def test_clips_of_several_classes_open_with_all_of_them(tmp_path):
    write_videos(tmp_path)
    (tmp_path / "split.csv").write_text(
        "file,label,split\nrun/scene000_1.mp4,run;sit,train\nsit/scene000_2.mp4,sit,train\n"
        "jump_up/scene000_0.mp4,jump up;run,validation\n"
    )
    opened = open_source(f"split:{tmp_path}/split.csv@train", root="", class_names=None)
    assert opened.class_names == CLASSES
    assert opened.source.targets.tolist() == [[False, True, True], [False, False, True]]
    assert opened.source.labels.tolist() == [1, 2]


def test_class_names_that_the_file_would_take_for_several_are_refused(tmp_path):
    for name in ("a;b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.mp4").write_bytes(name.encode())
    with pytest.raises(ValueError, match=r"'a;b': expected class names without ; \|"):
        write_split(tmp_path / "split.csv", split_by_names(tmp_path).videos)
    assert not (tmp_path / "split.csv").exists()


def run(*arguments) -> int:
    return main([*map(str, arguments), "--no-likeness", "--validation", "0.25"])


def test_the_command_makes_a_split_and_then_checks_it(tmp_path, capsys):
    where, out = write_videos(tmp_path / "videos"), tmp_path / "split.csv"
    assert run(where, "--out", out) == 0
    text = capsys.readouterr().out
    assert f"--config.data.train=split:{out}@train" in text
    assert "validation      9  25.0 %       3        3" in text
    made = out.read_text()
    # Somebody moves one clip to the other side, and adds a video.
    first, row, *rest = made.splitlines()
    side, other = ("train", "validation") if ",train," in row else ("validation", "train")
    edited = "\n".join([first, row.replace(f",{side},", f",{other},"), *rest])
    out.write_text(edited)
    (where / "run" / "new.mp4").write_bytes(b"new")
    assert run(where, "--out", out) == 0
    text = capsys.readouterr().out
    assert "1 group is on more than one side, which makes accuracies too good: scene000" in text
    assert "split.csv lacks 1 video of" in text
    assert "new.mp4: make it anew (--again), or add rows" in text
    assert out.read_text() == edited
    assert run(where, "--out", out, "--again") == 0
    assert "new.mp4" in out.read_text()


def test_a_split_without_a_side_for_each_row_is_told(tmp_path, capsys):
    where, out = write_videos(tmp_path / "videos"), tmp_path / "split.csv"
    out.write_text("file,label,split\nvideos/run/scene000_1.mp4,run,\nvideos/sit/a.mp4,sit,train\n")
    assert run(where, "--out", out) == 1
    assert "1 file has no split in" in capsys.readouterr().err

"""The files: whole or damaged as the table says, the same for a seed, also after a kill."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from ila_jax import BadVideo, read_video
from ila_jax.data.sources.opening import open_source
from ila_jax.data.split import __main__ as split
from ila_jax.data.synthetic.actions import __main__ as actions
from ila_jax.data.synthetic.actions import making
from ila_jax.data.synthetic.actions.faults import damage, nearly_same
from ila_jax.data.synthetic.actions.plan import CLASSES, DAMAGES, FEWEST, Clip, plan

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A data set that was killed while it was made, and then finished."""
    target = tmp_path_factory.mktemp("actions") / "set"
    begun = subprocess.Popen(
        [sys.executable, "-m", "ila_jax.data.synthetic.actions", target, "--clips", str(FEWEST)],
        cwd=ROOT,
    )
    unfinished = target.with_name(".set.unfinished")
    deadline = time.monotonic() + 600
    while len(list(unfinished.glob("videos/*/scene*.mp4"))) < 3:
        assert time.monotonic() < deadline
        assert begun.poll() is None
        time.sleep(0.02)
    os.kill(begun.pid, signal.SIGKILL)
    begun.wait()
    assert not target.exists()
    early = {path: path.stat().st_mtime_ns for path in unfinished.glob("videos/*/scene*.mp4")}
    assert making.make(target, clips=FEWEST, seed=0) == target
    # What was there was not drawn again.
    for path, written in early.items():
        assert (target / path.relative_to(unfinished)).stat().st_mtime_ns == written
    return target


def rows(folder):
    with (folder / "truth.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_files_and_table_are_those_of_the_plan(folder):
    files = plan(FEWEST, 0)
    videos = {str(p.relative_to(folder / "videos")) for p in (folder / "videos").rglob("*.*")}
    assert videos == {clip.file for clip in files}
    assert {path.name for path in folder.iterdir()} == {"videos", "truth.csv", "actions.json"}
    assert list(folder.parent.iterdir()) == [folder]
    table = rows(folder)
    assert [row["file"] for row in table] == sorted(videos)
    for row in table:
        (clip,) = (clip for clip in files if clip.file == row["file"])
        assert row == {
            "file": clip.file,
            "label": clip.label,
            "group": f"scene{clip.group:03d}",
            "near_duplicate_of": clip.source.file if clip.source else "",
            "damaged": clip.damage,
        }


def test_files_after_a_kill_are_those_that_are_drawn_at_once(folder, tmp_path):
    files = plan(FEWEST, 0)
    some = [files[0], files[-1], *(clip for clip in files if clip.damage)]
    for clip in some:
        making.write_clip(0, clip, tmp_path / "clip.mp4")
        assert (tmp_path / "clip.mp4").read_bytes() == (folder / "videos" / clip.file).read_bytes()
    making.write_clip(1, files[0], tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() != (folder / "videos" / files[0].file).read_bytes()


def test_a_folder_for_each_class_is_what_training_reads(folder):
    opened = open_source(str(folder / "videos"), root="", class_names=None)
    assert set(opened.class_names) == set(CLASSES)
    assert len(opened.source) == FEWEST
    assert not opened.notes


def test_what_is_damaged_cannot_be_read_and_all_else_can(folder):
    for row in rows(folder):
        path = folder / "videos" / row["file"]
        if row["damaged"]:
            with pytest.raises(BadVideo):
                read_video(path)
        else:
            frames = read_video(path)
            height, width = frames.shape[1:3]
            assert 96 <= height <= width <= 276


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_damage_is_noticed(folder, tmp_path, kind):
    whole = folder / "videos" / plan(FEWEST, 0)[0].file
    for seed in range(10):
        path = tmp_path / "clip.mp4"
        path.write_bytes(whole.read_bytes())
        damage(path, kind, np.random.default_rng(seed))
        with pytest.raises(BadVideo):
            read_video(path)


def test_a_copy_shows_the_same_somewhat_later_and_closer(folder):
    (copy,) = (clip for clip in plan(FEWEST, 0) if clip.source)
    one = read_video(folder / "videos" / copy.source.file)
    other = read_video(folder / "videos" / copy.file)
    shift = len(one) - len(other)
    assert 2 <= shift < 9
    assert one.shape[1:] != other.shape[1:]
    # Somewhat closer: a corner's pixel lies up to 6 % inside. The pictures are alike all the same.
    size = (32, 24)
    for k in (0, len(other) // 2, len(other) - 1):
        a, b = (
            cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(float)
            for image in (one[k + shift], other[k])
        )
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.8


def test_copies_are_drawn_from_their_own_numbers():
    frames = [np.full((120, 160, 3), k, np.uint8) for k in range(20)]
    copies = [list(nearly_same(np.random.default_rng(seed), frames)) for seed in range(8)]
    assert len({copy[0].shape for copy in copies}) > 3
    assert len({len(copy) for copy in copies}) > 3
    for copy in copies:
        assert [int(image.mean()) for image in copy] == list(range(20 - len(copy), 20))
        assert all(side % 2 == 0 for side in copy[0].shape[:2])


def test_a_finished_set_is_kept_and_other_settings_are_refused(folder):
    written = (folder / "truth.csv").stat().st_mtime_ns
    making.make(folder, clips=FEWEST, seed=0)
    assert (folder / "truth.csv").stat().st_mtime_ns == written
    with pytest.raises(ValueError, match=r"seed is 0 there and 5 asked for.*another folder"):
        making.make(folder, clips=FEWEST, seed=5)


def test_an_unfinished_set_of_other_settings_is_refused(tmp_path):
    unfinished = tmp_path / ".set.unfinished"
    unfinished.mkdir()
    (unfinished / "actions.json").write_text(
        json.dumps({"version": making.VERSION, "seed": 0, "clips": 30})
    )
    with pytest.raises(ValueError, match=r"unfinished holds .*\(clips is 30 there and 24"):
        making.make(tmp_path / "set", clips=24, seed=0)


def test_a_folder_of_something_else_and_lost_files_are_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("do not touch")
    with pytest.raises(ValueError, match="is not a data set of actions"):
        making.make(tmp_path / "mine", clips=24, seed=0)
    settings = {"version": making.VERSION, "seed": 0, "clips": 24}
    (tmp_path / "mine" / "actions.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"has lost files \(.*mp4"):
        making.make(tmp_path / "mine", clips=24, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clips": 7}, "clips is 7: expected 24 or more"),
        ({"seed": -1}, "seed is -1: expected 0 or more"),
        ({"processes": 0}, "processes is 0: expected 1 or more"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        making.make(tmp_path / "set", **({"clips": 24, "seed": 0} | change))
    assert not list(tmp_path.iterdir())


def test_a_set_that_another_process_makes_is_left_to_it(tmp_path):
    unfinished = tmp_path / ".set.unfinished"
    unfinished.mkdir()
    code = (
        "import sys; from pathlib import Path; from ila_jax.files.lock import only_writer\n"
        "with only_writer(Path(sys.argv[1]), ''): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, unfinished],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout.readline() == "held\n"
    with pytest.raises(ValueError, match="another process makes"):
        making.make(tmp_path / "set", clips=24, seed=0)
    other.communicate("")


def test_a_table_has_a_line_for_each_file_in_order():
    source = Clip(0, "covering something", 3, 1)
    copy = Clip(1, "covering something", 12, 0, source)
    assert making.truth([copy, source]) == (
        "file,label,group,near_duplicate_of,damaged\n"
        "covering_something/scene003_1.mp4,covering something,scene003,,\n"
        "covering_something/scene012_0.mp4,covering something,scene012,"
        "covering_something/scene003_1.mp4,\n"
    )


def test_the_command_names_one_that_runs_next(monkeypatch, capsys):
    monkeypatch.setattr(making, "make", lambda *_, **__: Path("trial"))
    assert actions.main(["trial"]) == 0
    command = capsys.readouterr().out.partition("python -m ila_jax.data.split ")[2].split()
    options = split._parser().parse_args(command)
    assert (options.videos, options.out) == ("trial/videos", Path("trial/split.csv"))

"""Preparing as a command: what it makes, that it can be killed anywhere, and what it refuses."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from etils import epath

from ila_jax.data.prepare import __main__ as prepare
from ila_jax.data.prepare import preparation
from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.indices import verify, write_quarantine
from ila_jax.data.prepare.shards import VideosToPrepare
from ila_jax.data.sources.opening import open_source
from ila_jax.data.sources.prepared import PreparedSource
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video
from tests.data.small_set import BAD, NAMES, SHARDS, VIDEOS, arguments, files, write_set


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    return write_set(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def prepared(videos, tmp_path_factory) -> Path:
    """Both splits, by one process."""
    target = tmp_path_factory.mktemp("prepared") / "one"
    for split in ("train", "validation"):
        prepare.main(arguments(videos, target, "--processes", "1", split=split))
    return target


def test_tfds_reads_it(videos, prepared):
    builder = tfds.builder_from_directory(prepared)
    assert builder.info.features["label"].names == list(NAMES)
    assert builder.info.splits["train"].num_examples == VIDEOS - len(BAD)
    assert builder.info.splits["train"].shard_lengths == [3, 4, 3, 1]
    good = [i for i in range(VIDEOS) if i not in BAD]
    for i, example in zip(good, builder.as_data_source(split="train"), strict=True):
        assert example["name"] == f"clip {i}.mp4".encode()
        assert example["label"] == i % 3
        assert (example["height"], example["width"], example["frames"]) == (16, 22, 8 + i)
        assert example["seconds"] == pytest.approx((8 + i - 1) / 25)
        assert index_video(example["video"]).count == 8 + i
    assert builder.info.splits["validation"].num_examples == 3


def test_prepared_source(videos, prepared):
    opened = open_source(f"prepared:{prepared}@train", root="", class_names=None)
    source = opened.source
    assert opened.class_names == NAMES
    good = [i for i in range(VIDEOS) if i not in BAD]
    assert source.labels.dtype == np.int32
    assert source.labels.tolist() == [i % 3 for i in good]
    assert [source.name(k) for k in range(len(source))] == [f"clip {i}.mp4" for i in good]
    assert list(opened.ids) == [f"clip {i}.mp4" for i in good]
    again = pickle.loads(pickle.dumps(source))
    before = open_source(str(videos / "train.txt"), root=str(videos), class_names=NAMES).source
    for k, i in enumerate(good):
        assert again.read(k) == source.read(k)
        assert index_video(source.read(k)).count == index_video(before.read(i)).count
    first = decode(index_video(source.read(4)), [0])
    assert first.shape == (1, 16, 22, 3)


def test_bad_videos_are_listed_once(videos, prepared):
    lines = (prepared / "quarantine.jsonl").read_text().splitlines()
    found = {entry["path"]: entry for entry in map(json.loads, lines)}
    assert len(lines) == len(found) == 2
    assert found[str(videos / "clip 3.mp4")]["reason"] == "NOT_VIDEO_FILE"
    assert found[str(videos / "clip 9.mp4")]["reason"] == "MISSING"
    assert found[str(videos / "clip 9.mp4")]["label"] == 0
    assert {entry["split"] for entry in found.values()} == {"train"}


def test_checksums(prepared, tmp_path, capsys):
    lines = (prepared / "checksums.sha256").read_text().splitlines()
    assert len(lines) == SHARDS + 1 + 2  # shards of train and validation, two indices
    checked = subprocess.run(
        ["sha256sum", "--check", "checksums.sha256"], cwd=prepared, capture_output=True
    )
    assert checked.returncode == 0
    prepare.main(["--verify", str(prepared)])
    assert "as they were written" in capsys.readouterr().out
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in prepared.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    (copy / "parts").mkdir()
    shard = copy / "videos-train.array_record-00001-of-00004"
    data = bytearray(shard.read_bytes())
    data[5000] ^= 1
    shard.write_bytes(data)
    (copy / "videos-train.index.npz").unlink()
    with pytest.raises(ValueError, match="is damaged") as caught:
        prepare.main(["--verify", str(copy)])
    assert "00001-of-00004: its bytes are not" in str(caught.value)
    assert "videos-train.index.npz: missing" in str(caught.value)


def test_a_damaged_record_is_a_bad_video(prepared, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in prepared.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    shard = copy / "videos-train.array_record-00000-of-00004"
    data = bytearray(shard.read_bytes())
    data[1000] ^= 255  # in the first record
    shard.write_bytes(data)
    source = PreparedSource(str(copy), "train")
    with pytest.raises(BadVideo, match="ArrayRecord"):
        source.read(0)
    source.read(4)  # of another shard


def test_the_same_bytes_with_more_processes(videos, prepared, tmp_path):
    prepare.main(arguments(videos, tmp_path / "two", "--processes", "2"))
    prepare.main(arguments(videos, tmp_path / "two", "--processes", "2", split="validation"))
    assert files(tmp_path / "two") == files(prepared)


def test_nothing_is_done_twice(videos, prepared, tmp_path):
    before = {path: os.stat(path).st_mtime_ns for path in prepared.glob("*array_record*")}
    prepare.main(arguments(videos, prepared))
    assert before == {path: os.stat(path).st_mtime_ns for path in prepared.glob("*array_record*")}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--crf", "24"], "other settings .crf is 23 there, 24 now"),
        (["--clips-per-shard", "5"], "clips_per_shard is 4 there, 5 now"),
    ],
)
def test_other_settings_are_refused(videos, prepared, more, said):
    with pytest.raises(ValueError, match=said):
        prepare.main(arguments(videos, prepared, *more))


def test_another_source_is_refused(videos, prepared, tmp_path):
    before = files(prepared)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("classes.txt", "validation.txt"):
        (other / name).write_text((videos / name).read_text())
    text = (videos / "train.txt").read_text()
    (other / "train.txt").write_text(text.replace("clip 4.mp4 1", "clip 4.mp4 2"))
    with pytest.raises(ValueError, match="holds the split train of another source"):
        prepare.main(arguments(other, prepared))
    (other / "classes.txt").write_text("a\nb\nc\n")
    with pytest.raises(ValueError, match=r"other settings \(class_names is a list of 3"):
        prepare.main(arguments(other, prepared))
    assert files(prepared) == before


def test_a_folder_of_other_things_is_refused(videos, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match=r"holds other things \(thesis.tex\)"):
        prepare.main(arguments(videos, tmp_path))


def test_too_many_bad_videos_stop_it(videos, tmp_path):
    target = tmp_path / "out"
    with pytest.raises(RuntimeError, match=r"1 of 13 videos of train cannot be read") as caught:
        prepare.main(arguments(videos, target, "--processes", "1", "--max-bad-fraction", "0.01"))
    assert "1 x The file is no video container" in str(caught.value)
    assert "clip 3.mp4" in (target / "quarantine.jsonl").read_text()
    assert not (target / "dataset_info.json").exists()
    with pytest.raises(ValueError, match="no finished data set"):
        PreparedSource(str(target), "train")
    prepare.main(arguments(videos, target, "--processes", "1"))  # a larger fraction: it goes on
    assert len(PreparedSource(str(target), "train")) == VIDEOS - len(BAD)


def test_a_shard_without_a_readable_video(videos, tmp_path):
    target = tmp_path / "out"
    args = arguments(videos, target, "--processes", "1", "--clips-per-shard", "1")
    prepare.main(args)
    assert tfds.builder_from_directory(target).info.splits["train"].shard_lengths.count(0) == 2
    source = PreparedSource(str(target), "train")
    assert [index_video(source.read(k)).count for k in range(len(source))] == [
        8 + i for i in range(VIDEOS) if i not in BAD
    ]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("prepared:{0}", "names no split"),
        ("prepared:{0}@test", "no prepared split 'test': it has train, validation"),
        ("prepared:{0}/nothing@train", "does not exist"),
        ("prepared:{0}/parts@train", "no finished data set"),
        ("prepared:gs://bucket/videos@train", "not on a disk"),
    ],
)
def test_sources_that_are_not_there(prepared, where, said):
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        open_source(where.format(prepared), root="", class_names=None)


DAMAGED = ["dataset_info.json", "features.json", "videos-train.index.npz"]


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("left", [0.0, 0.5, None], ids=["empty", "cut", "other"])
def test_damage_is_told_in_words(prepared, tmp_path, name, left):
    shutil.copytree(prepared, tmp_path / "copy")
    path = tmp_path / "copy" / name
    data = path.read_bytes()
    path.write_bytes(b"[1]" if left is None else data[: int(left * len(data))])
    with pytest.raises(ValueError, match=f"{tmp_path}/copy is damaged .*prepare --verify"):
        open_source(f"prepared:{tmp_path}/copy@train", root="", class_names=None)


def test_damaged_lists_beside_the_shards(videos, prepared, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(prepared, copy)
    (copy / "checksums.sha256").write_bytes(b"no checksum\n\xff")
    with pytest.raises(ValueError, match=r"checksums.sha256 is damaged: expected `sha256  name`"):
        list(verify(epath.Path(copy)))
    # Lines of other splits stay, and what was cut short goes.
    kept = '{"path": "x", "reason": "EMPTY", "label": 0, "split": "test", "detail": ""}'
    (copy / "quarantine.jsonl").write_bytes(f'{kept}\n{{"path": "\n[1]\n'.encode() + b"\xff\n")
    opened = open_source(str(videos / "train.txt"), root=str(videos), class_names=NAMES)
    encoding = Encoding(short_side=16, key_frames=12, crf=23, preset="veryfast")
    write_quarantine(epath.Path(copy), VideosToPrepare({"train": opened}, encoding), {})
    assert (copy / "quarantine.jsonl").read_text() == f"{kept}\n"


def test_other_class_names(prepared):
    with pytest.raises(ValueError, match="class 1 is 'up and away' there and 'up' of those given"):
        open_source(f"prepared:{prepared}@train", root="", class_names=("left", "up", "right"))


def test_the_estimate(videos, tmp_path, capsys):
    prepare.main([*arguments(videos, tmp_path / "out"), "--sample", "13"])
    said = capsys.readouterr().out
    assert "train: 13 videos, 13 to do in 4 shards" in said
    assert "estimate from 13 videos: " in said
    assert f"prepared:{tmp_path / 'out'}@train: 11 videos, " in said
    assert "2 could not be read, see quarantine.jsonl" in said


def test_a_disk_that_is_too_small(videos, tmp_path, monkeypatch):
    # The sample is the middle video, which is a good one.
    monkeypatch.setattr(preparation, "free_bytes", lambda directory: 100)
    with pytest.raises(ValueError, match=r"about .*B are to be written .* 100B are free"):
        prepare.main([*arguments(videos, tmp_path / "out"), "--sample", "1"])


def test_one_at_a_time(videos, tmp_path, monkeypatch):
    target = tmp_path / "out"
    script = (
        "import fcntl, os, sys, time\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
        "print('held', flush=True); time.sleep(60)"
    )
    target.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(RuntimeError, match="another process prepares videos"):
            prepare.main(arguments(videos, target))
        other.kill()


def test_bad_arguments(capsys):
    with pytest.raises(SystemExit):
        prepare.main(["--from", "x", "--to", "y", "--quick"])
    assert "unknown argument --quick" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        prepare.main(["--to", "y"])
    assert "either by --from WHERE or by --config FILE" in capsys.readouterr().err

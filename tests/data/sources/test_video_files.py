"""What a folder's walk finds, what it leaves out and says so, and what stops it (nothing)."""

import inspect
import os
import shutil
import socket
import sys
import tempfile
import wave
from pathlib import Path

import av
import pytest
from PIL import Image

from ila_jax.data.sources.finding import find_videos
from ila_jax.data.sources.video_files import list_videos, stem, suffix
from ila_jax.data.video.decode import index_video
from ila_jax.data.video.first_bytes import is_video_head
from tests.data.users import an_ordinary_user
from tests.data.videos import H264, write_sound, write_video

MPEG2 = {"codec": "mpeg2video"}
MPEG4 = {"codec": "mpeg4"}
GIF = {"codec": "gif", "pixels": "rgb8"}
# Name in a folder -> how it is encoded, and the muxer where the name does not tell FFmpeg.
VIDEOS = {
    "camera.MTS": (None, "mpegts"), "camera.m2ts": (None, "mpegts"), "phone.3gp": (None, "3gp"),
    "phone.3g2": (None, "3g2"), "clip.MP4": (None, "mp4"), "iphone.mov": (None, "mov"),
    "dvd.vob": (MPEG2, "vob"), "old.divx": (MPEG4, "avi"), "old.mpe": (MPEG2, "mpeg"),
    "flash.f4v": (None, "mp4"), "tv.asf": (MPEG4, "asf"), "broadcast.mxf": (MPEG2, "mxf"),
    "bare.h264": (None, "h264"), "film.ogv": (None, "matroska"), "moving.gif": (GIF, "gif"),
    "camera.TOD": (None, "mpegts"), "a.b.c.mkv": (None, "matroska"),
}  # fmt: skip


def write(path: Path, how, muxer: str) -> Path:
    options = how or {"options": H264}
    if muxer == "h264":
        return write_video(path, count=6, options=H264)
    made = write_video(path.with_suffix(".nut"), count=6, size=(288, 352), **options)
    with av.open(str(made)) as source, av.open(str(path), "w", format=muxer) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    made.unlink()
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name, (how, muxer) in VIDEOS.items():
        write(folder / name, how, muxer)
    return folder


def test_what_decodes_is_found_whatever_its_suffix(made):
    found = list_videos(made)
    assert found.files == sorted(VIDEOS)
    assert found.notes() == []
    for name in VIDEOS:
        assert index_video((made / name).read_bytes()).count >= 5, name


def test_without_a_suffix_the_beginning_of_the_file_tells(made, tmp_path):
    """All containers above, in files whose names say nothing."""
    for number, name in enumerate(sorted(VIDEOS)):
        shutil.copy(made / name, tmp_path / f"{number}")
        shutil.copy(made / name, tmp_path / f"{name}.1~")
    assert len(list_videos(tmp_path).files) == 2 * len(VIDEOS)


SIDECARS = ["clip.txt", "clip.json", "clip.srt", "clip.xml", "clip.nfo", "clip.LRV", "a.part"]


def test_what_lies_beside_videos_is_counted_and_named(tmp_path):
    write_video(tmp_path / "clip.mp4", count=2)
    for name in SIDECARS:
        (tmp_path / name).write_text("words\n" * 100)
    shutil.copy(tmp_path / "clip.mp4", tmp_path / "clip.LRV")  # the same video in small
    Image.new("RGB", (8, 8)).save(tmp_path / "still.jpg")
    shutil.copy(tmp_path / "still.jpg", tmp_path / "GOPR0001.THM")
    shutil.copy(tmp_path / "still.jpg", tmp_path / "a picture")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.webp")
    write_sound(tmp_path / "sound.m4a")
    with wave.open(str(tmp_path / "sound"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(4000))
    (tmp_path / "data.dat").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "empty").touch()
    (tmp_path / "1.txt").touch()
    (tmp_path / ".hidden.mp4").touch()
    (tmp_path / "._clip.mp4").touch()
    found = list_videos(tmp_path)
    assert found.files == ["clip.mp4"]
    (note,) = found.notes()
    assert note.startswith(f"{tmp_path}: 1 video; beside it 3 with no suffix that begin like")
    for said in ("2 named .txt (1.txt, clip.txt)", "1 named .lrv (clip.LRV)", "1 named .part",
                 "1 named .thm", "1 named .dat that begin like no video (data.dat)"):  # fmt: skip
        assert said in note
    assert "hidden" not in note


def test_a_note_stays_short(tmp_path):
    for number in range(40):
        (tmp_path / f"frame.{number:04}").touch()
        (tmp_path / f"{number}.jpg").touch()
    (note,) = list_videos(tmp_path).notes()
    assert "40 named .jpg (0.jpg, 1.jpg, 10.jpg, …)" in note or "40 named .jpg" in note
    assert note.endswith("29 of other names")
    assert len(note) < 1500


def test_links_loops_and_what_is_no_file_stop_nothing(tmp_path):
    (tmp_path / "a/deep").mkdir(parents=True)
    (tmp_path / "a/clip.mp4").touch()
    (tmp_path / "a/deep/clip.mp4").touch()
    for name, target in {
        "itself": "itself", "itself.mp4": "itself.mp4", "one": "two", "two": "one",
        "nowhere": "missing", "nowhere.mp4": "missing", "a/up": "..", "a/deep/here": ".",
    }.items():  # fmt: skip
        (tmp_path / name).symlink_to(target)
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null.mp4").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tmp_path / "socket.mp4"))
    found = list_videos(tmp_path)
    # A link with a video's name that leads nowhere is a video that is missing, as in any list.
    assert found.files == ["a/clip.mp4", "a/deep/clip.mp4", "itself.mp4", "nowhere.mp4"]
    (note,) = found.notes()
    assert "6 links that lead nowhere or in a circle (itself" in note
    assert "4 pipes, sockets or devices, which are no files" in note
    assert "2 links to folders that are listed already (a/deep/here/, a/up/)" in note


def test_a_folder_in_two_ways_is_found_in_the_same_place_each_time(tmp_path):
    (tmp_path / "z/real").mkdir(parents=True)
    (tmp_path / "z/real/clip.mp4").touch()
    (tmp_path / "a").symlink_to("z/real")
    (tmp_path / "b").symlink_to("z/real")
    assert list_videos(tmp_path).files == ["z/real/clip.mp4"]
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "z/real", tmp_path / "elsewhere/real")
    (tmp_path / "z/real").symlink_to("../elsewhere/real")
    (tmp_path / "z/a").unlink(missing_ok=True)
    for name in "ab":
        (tmp_path / name).unlink()
        (tmp_path / "z" / name).symlink_to("../elsewhere/real")
    assert list_videos(tmp_path / "z").files == ["a/clip.mp4"]


def test_a_folder_without_permission_is_named_and_the_others_listed():
    with tempfile.TemporaryDirectory() as name:  # every user may go there
        folder = Path(name)
        folder.chmod(0o755)
        for path in ("closed/a.mp4", "open/b.mp4"):
            (folder / path).parent.mkdir()
            (folder / path).touch()
        (folder / "closed").chmod(0)
        with an_ordinary_user():
            found = list_videos(folder)
            with pytest.raises(PermissionError, match="Permission denied"):
                list_videos(folder / "closed")
        (folder / "closed").chmod(0o755)
    assert found.files == ["open/b.mp4"]
    assert found.notes() == [
        f"{folder}: 1 video; beside it 1 folders that cannot be listed: Permission denied (closed/)"
    ]


def test_folders_deeper_than_python_recurses(tmp_path):
    folder = tmp_path / Path(*"d" * 150)
    folder.mkdir(parents=True)
    (folder / "clip.mp4").touch()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        found = list_videos(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert found.files == ["d/" * 150 + "clip.mp4"]


def test_suffix_and_stem():
    assert [suffix(p) for p in ("a/b.c/clip", "clip.MP4", "a.b.mkv", "mp4", "")] == [
        "", "mp4", "mkv", "", "",
    ]  # fmt: skip
    assert [stem(p) for p in ("a/b.c/clip", "x/clip.MP4", "a.b.mkv")] == ["clip", "clip", "a.b"]


@pytest.mark.parametrize(
    ("head", "video"),
    [
        (b"\0\0\0\x20ftypisom", True), (b"\0\0\0\x20ftypM4A ", False),
        (b"\0\0\0\x20ftypheic", False), (b"\0\0\0\x20ftypavis", True),
        (b"\0\0\0\x20ftypavif", False), (b"\0\0\0\x08wide", True),
        (b"RIFF\0\0\0\0WAVEfmt ", False), (b"RIFF\0\0\0\0AVI LIST", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", False), (b"OggS\0\2" + bytes(22) + b"\x01vorbis", False),
        (b"OggS\0\2" + bytes(22) + b"\x80theora", True), (b"\x1aE\xdf\xa3", True),
        ((b"G" + bytes(187)) * 5, True), ((bytes(4) + b"G" + bytes(187)) * 5, True),
        (b"G" * 200, False), (b"G" + bytes(900), False),
        (b"Go to the next page", False), (b"\xff\xd8\xff\xe0", False),
        (b"ID3\x04", False), (b"#!/bin/sh", False), (b"", False), (b"{}", False),
    ],
)  # fmt: skip
def test_beginnings(head, video):
    assert is_video_head(head) is video


def test_places_of_every_kind(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("in/a.mp4", "in/b.dat", "in/c.txt"):
        (tmp_path / name).write_bytes(b"\0\0\0\x20ftypisom" if name != "in/c.txt" else b"x")
    os.mkfifo(tmp_path / "in/pipe.mp4")
    found = find_videos([str(tmp_path / "in/*"), str(tmp_path / "in/c.txt"), "/dev/zero", ""])
    # What is named is taken, whatever it is: reading it says what is wrong.
    names = [os.path.relpath(path, tmp_path) for path in found.paths[:3]]
    assert names == ["in/a.mp4", "in/b.dat", "in/c.txt"]
    assert found.paths[3:] == ["/dev/zero"]
    assert len(found.problems) == 1
    (note,) = found.notes
    assert "1 named .txt" in note
    assert "1 pipes, sockets or devices" in note
    with pytest.raises(ValueError, match=r"expected a list of paths, \['dog.mp4'\]"):
        find_videos("dog.mp4")

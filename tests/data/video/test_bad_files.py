"""Paths that are no good file: what becomes of each, as a run meets it."""

import os
import socket
import threading
from pathlib import Path

import pytest

from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.users import an_ordinary_user
from tests.data.videos import H264, write_video


def reason(path: Path) -> Reason | None:
    """Why this file is bad when all its frames are asked for; None for a good video."""
    try:
        index = index_video(ListSource([LabelledFile(str(path), 0)]).read(0))
        decode(index, range(index.count))
    except BadVideo as bad:
        return bad.reason
    return None


def test_a_text_that_is_named_as_a_video(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("This video is no longer available.\n" * 100)
    assert reason(path) == Reason.NOT_VIDEO_FILE


def test_links(tmp_path):
    good = write_video(tmp_path / "good.mp4", count=2)
    targets = {
        good: None,
        tmp_path / "nothing.mp4": Reason.MISSING,
        tmp_path: Reason.DIRECTORY,
    }
    for i, (target, expected) in enumerate(targets.items()):
        link = tmp_path / f"link {i}.mp4"
        link.symlink_to(target)
        assert reason(link) == expected
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    assert reason(loop) == Reason.UNREADABLE


def test_pipes_sockets_and_devices_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.bind(str(tmp_path / "socket.mp4"))
    for path in ("pipe.mp4", "link.mp4", "socket.mp4", "/dev/zero", "/dev/tty"):
        assert reason(tmp_path / path) == Reason.NOT_A_FILE
    with open("/dev/null", "rb") as file:
        assert reason(Path(f"/dev/fd/{file.fileno()}")) == Reason.NOT_A_FILE


def test_no_permission(tmp_path):
    path = write_video(tmp_path / "a.mp4", count=2)
    assert reason(path) is None
    path.chmod(0)
    with an_ordinary_user():
        assert reason(path) == Reason.UNREADABLE


@pytest.mark.parametrize(
    ("name", "muxer"),
    [
        ("index in front.mp4", {"movflags": "faststart"}),
        ("index behind.mp4", {}),
        ("film.mkv", {}),
        ("film.avi", {}),
    ],
)
def test_a_file_that_grows_while_it_is_read(tmp_path, name, muxer):
    """As in a download: it is bad until it is whole, and from then on good."""
    options = {"g": "12"} if name.endswith("avi") else H264 | {"g": "12"}
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    whole = write_video(tmp_path / name, codec=codec, options=options, muxer=muxer).read_bytes()
    path = tmp_path / "download"
    path.touch()

    def download() -> None:
        with path.open("ab", buffering=0) as file:
            for at in range(0, len(whole), 700):
                begun.acquire()
                file.write(whole[at : at + 700])

    begun = threading.Semaphore(0)  # a part more during each reading
    writer = threading.Thread(target=download)
    reasons = [reason(path)]
    writer.start()
    while writer.is_alive():
        begun.release()
        reasons.append(reason(path))
    writer.join()
    reasons.append(reason(path))
    good = reasons.index(None)
    assert reasons[0] == Reason.EMPTY
    assert set(reasons[:good]) <= {
        Reason.EMPTY,
        Reason.NOT_VIDEO_FILE,
        Reason.NO_VIDEO_STREAM,
        Reason.NO_FRAMES,
        Reason.DAMAGED,
    }
    assert good > 10
    assert set(reasons[good:]) == {None}

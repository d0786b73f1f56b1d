"""What live pictures may come from, and that no password of an address is ever printed."""

import errno
import re

import av
import pytest

from ila_jax.data.video.live_source import LiveSource, address, camera, is_address, problem_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rtsp://me:secret@10.0.0.3:554/live", "rtsp://10.0.0.3:554/live"),
        ("RTSP://me:secret@Host/live?password=secret", "rtsp://host/live"),
        ("rtsp://10.0.0.3/user=me_password=secret_channel=1", "rtsp://10.0.0.3/user…"),
        ("rtsp://host/live;secret", "rtsp://host/live…"),
        ("http://[::1]:8080/a.ts#secret", "http://[::1]:8080/a.ts"),
        ("udp://@:1234", "udp://:1234"),
    ],
)
def test_an_address_is_told_without_what_may_be_secret(text, name):
    source = address(text)
    assert source.name == name
    assert source.target == text
    assert "secret" not in repr(source)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://me:secret@host/a", "ftp:// is no stream that can be watched: expected rtsp://,"),
        ("file:///secret", "file:// is no stream that can be watched"),
        ("concat://secret", "concat:// is no stream that can be watched"),
        ("rtsp://me:se/cret@host/a", "the address is no rtsp://HOST:PORT/PATH"),
        ("rtsp://me:12/secret@host/a", "the address is no rtsp://HOST:PORT/PATH"),
        ("http:///secret", "the address is no http://HOST:PORT/PATH"),
        ("udp://secret", "the address is no udp://HOST:PORT/PATH"),
    ],
)
def test_other_schemes_and_broken_addresses_are_refused(text, words):
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        address(text)
    assert "secret" not in str(error.value)
    assert "cret@" not in str(error.value)


def test_paths_are_no_addresses():
    assert [is_address(text) for text in ("a.mp4", "/a:b//c", "c:/a", "", "rtsp://h")] == [
        False,
        False,
        False,
        False,
        True,
    ]


def test_cameras_are_named_as_the_system_does(monkeypatch):
    for system, expected in (
        ("linux", ("/dev/video2", "v4l2")),
        ("darwin", ("2:none", "avfoundation")),
    ):
        monkeypatch.setattr("sys.platform", system)
        source = camera(2)
        assert (source.target, source.format, source.name) == (*expected, "camera 2")
    with pytest.raises(ValueError, match="--camera is -1: expected a number from 0"):
        camera(-1)
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(ValueError, match="works on Linux and macOS, and this is win32"):
        camera(0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EBUSY, "busy. Another program uses it: close that one"),
        (errno.EACCES, "Permission denied. This user may not open /dev/video7: on Linux join"),
        (errno.ENOENT, "directory. Expected a camera at /dev/video7; found: none. Plug it in"),
    ],
)
def test_what_is_wrong_with_a_camera_is_told_with_what_to_do(code, words, monkeypatch):
    monkeypatch.setattr("glob.glob", lambda _: [])
    source = LiveSource("camera 7", "/dev/video7", "v4l2", camera=True)
    with pytest.raises(av.error.FFmpegError) as error:
        av.error.err_check(-code, source.target)
    text = str(problem_of(source, error.value))
    assert text.startswith("camera 7: ")
    assert words in text

"""Pictures of real servers on this machine, and when they were captured."""

from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
import pytest

from ila_jax.data.video import live
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.video.live import CaptureClock, live_pictures
from ila_jax.data.video.live_source import LiveProblem, LiveSource, address, camera
from tests.data.video.live_servers import CERTIFICATE, COUNT, FPS, Sender, serving, transport_stream


@pytest.fixture(scope="module")
def stream():
    return transport_stream()


def whole(frame, pixel_aspect):
    assert pixel_aspect == Fraction(1)
    return frame.copy()


def watched(url, count=None):
    """The first pictures of an address, and what ended them."""
    pictures = []
    try:
        for picture in live_pictures(address(url), whole, limit=5.0):
            pictures.append(picture)
            if len(pictures) == count:
                return pictures, None
    except LiveProblem as problem:
        return pictures, str(problem)
    return pictures, "ended"


def test_late_frames_are_late_and_the_first_in_time_is_the_measure():
    now = [100.0]
    captured = CaptureClock(lambda: now[0])
    assert captured(5.0) == 100.0
    now[0] = 101.5  # half a second late
    assert captured(6.0) == pytest.approx(101.0, abs=1e-3)
    now[0] = 101.6  # sooner than the first by 0.4 s: that is the measure from here on
    assert captured(7.0) == pytest.approx(101.6)
    now[0] = 102.8
    assert captured(8.0) == pytest.approx(102.6, abs=1e-3)
    now[0] = 103.0  # the stream's clock is set anew
    assert captured(1.0) == 103.0


def test_clocks_that_drift_apart_make_no_latency():
    now = [0.0]
    captured = CaptureClock(lambda: now[0])
    for second in range(7200):  # a camera's clock that runs slow by 50 parts in a million
        now[0] = float(second)
        assert now[0] - captured(second * (1 - 50e-6)) < 1e-3


def test_a_file_on_a_server_gives_the_frames_of_the_file(stream):
    sender = Sender(stream, hold=False, user="me:se/cret")
    with serving("http", sender) as place:
        pictures, end = watched(f"http://me:se%2Fcret@{place}/file.ts?key=secret")
    assert end == "ended"
    expected = decode(index_video(stream), range(COUNT))
    np.testing.assert_array_equal(np.stack([p.pixels for p in pictures]), expected)
    times = np.array([p.time for p in pictures])
    np.testing.assert_allclose(times - times[0], np.arange(COUNT) / FPS, atol=1e-4)
    assert all(a.captured <= b.captured for a, b in pairwise(pictures))


def test_rtsp_gives_the_same_frames_with_a_password(stream):
    sender = Sender(stream, user="me:se/cret")
    with serving("rtsp", sender) as place:
        pictures, _ = watched(f"rtsp://me:se%2Fcret@{place}/live", count=50)
    expected = decode(index_video(stream), range(50))
    np.testing.assert_array_equal(np.stack([p.pixels for p in pictures]), expected)


def test_only_a_server_whose_certificate_is_trusted_is_watched(stream, monkeypatch):
    with serving("https", Sender(stream, hold=False)) as place:
        pictures, end = watched(f"https://{place}/file.ts")
        assert not pictures
        assert "Input/output error" in end
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        pictures, end = watched(f"https://{place}/file.ts")
    assert (len(pictures), end) == (COUNT, "ended")


def test_damaged_frames_are_left_out_and_the_next_key_frame_mends_it(stream):
    # Joined in the middle of a group of pictures, as everybody joins a broadcast.
    cut = len(stream) // 3 // 188 * 188
    with serving("http", Sender(stream[cut:], hold=False)) as place:
        pictures, end = watched(f"http://{place}/file.ts")
    frames = decode(index_video(stream), range(COUNT))
    whole_frames = {frame.tobytes() for frame in frames[50:]}
    assert end == "ended"
    assert {p.pixels.tobytes() for p in pictures[-50:]} == whole_frames


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("live", "Input/output error. Expected a live stream"),  # broken off behind its frames
        ("redirected", "no redirection and no playlist"),
        ("playlist", "no redirection and no playlist"),
    ],
)
def test_what_breaks_off_or_leads_elsewhere_is_told_in_words(stream, path, words):
    sender = Sender(stream, hold=False)
    with serving("http", sender) as place:
        pictures, end = watched(f"http://me:secret@{place}/{path}?key=secret")
    assert words in end
    assert end.startswith(f"http://{place}/{path}: ")
    assert "secret" not in end
    assert bool(pictures) == (path == "live")
    assert len(sender.asked) == 1


def test_a_wrong_password_and_a_closed_port_are_told_in_words(stream):
    for scheme in ("http", "rtsp"):
        with serving(scheme, Sender(stream, user="me:other")) as place:
            pictures, end = watched(f"{scheme}://me:secret@{place}/live")
        assert not pictures
        assert "401 Unauthorized" in end
        assert "Put the user into the address: scheme://USER:PASSWORD@HOST/PATH" in end
        pictures, end = watched(f"{scheme}://me:secret@{place}/live")  # nobody serves there now
        assert "Connection refused" in end
        assert "secret" not in end


def test_a_camera_that_is_not_there_is_told_in_words(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(LiveProblem, match=r"camera 4711: No such .* at /dev/video4711"):
        next(live_pictures(camera(4711), whole))


def test_a_frame_without_a_time_has_that_of_the_one_before(stream, tmp_path, monkeypatch):
    path = tmp_path / "a.ts"
    path.write_bytes(stream)
    frames_of = live._frames

    def untimed(container, stream):
        for k, frame in enumerate(frames_of(container, stream)):
            if k in (3, 4):
                frame.pts = None
            yield frame

    monkeypatch.setattr(live, "_frames", untimed)
    source = LiveSource("a", str(path))
    times = [p.time for p in islice(live_pictures(source, whole), 7)]
    expected = np.array([0, 1, 2, 2, 2, 5, 6]) / FPS
    np.testing.assert_allclose(np.array(times) - times[0], expected, atol=1e-4)

"""Prepared videos: the same frames at the same times, smaller, quick to seek, byte for byte."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType

from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.transcode import target_size, transcode
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import GOOD, H264, picture, write_video

FINE = Encoding(short_side=256, key_frames=12, crf=4, preset="veryfast")  # shows other mistakes


def frames(data: bytes) -> np.ndarray:
    index = index_video(data)
    return decode(index, range(index.count))


def error(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two videos on the scale of 0 to 255."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.float32) - other).mean())


@pytest.mark.parametrize("name", GOOD)
def test_same_frames_at_the_same_times(tmp_path, name):
    data = write_video(tmp_path / name, **GOOD[name]).read_bytes()
    out = transcode(data, FINE)
    before, after = index_video(data), index_video(out.data)
    count, sides = before.count, (out.height, out.width)
    assert out.frames == count == after.count
    assert sides == target_size(*GOOD[name].get("size", (48, 64)), 256) == (48, 64)
    expected = np.stack([cv2.resize(image, sides[::-1]) for image in frames(data)])
    found = frames(out.data)
    # Odd sides are resized, and colours are halved in resolution: the sharp squares suffer.
    assert error(expected, found) < (8 if {"pixels", "size"} & GOOD[name].keys() else 4)
    if count > 1:
        assert error(expected[1:], found[:-1]) > 12  # an exchanged frame would show
    np.testing.assert_allclose(after.times, before.times - before.times[0], atol=1e-5)
    assert out.seconds == pytest.approx(before.times[-1] - before.times[0], abs=1e-5)
    assert after.direct
    np.testing.assert_array_equal(after.keys, np.arange(0, count, 12))
    with av.open(str(tmp_path / name)) as source:
        assert len(source.streams) == (2 if name == "sound.mp4" else 1)
    assert b"mp4a" not in out.data


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turned_upright(tmp_path, rotation):
    data = write_video(tmp_path / "a.mp4", options=H264, rotation=rotation, count=13).read_bytes()
    out = transcode(data, FINE)
    assert (out.height, out.width) == ((48, 64) if rotation == 180 else (64, 48))
    assert error(frames(data), frames(out.data)) < 4
    with av.open(str(tmp_path / "a.mp4")) as source:
        assert (next(source.decode(video=0)).rotation - rotation) % 360 == 0


@pytest.mark.parametrize(
    ("codec", "pixels", "suffix"),
    [
        ("mjpeg", "yuvj422p", "avi"),  # all of 0 to 255 is used
        ("libx264", "yuv444p", "mp4"),
        ("libx264", "yuv420p10le", "mp4"),
        ("libx264rgb", "rgb24", "mp4"),
        ("libx264", "gray", "mp4"),
    ],
)
def test_colours_stay(tmp_path, codec, pixels, suffix):
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for i in range(4):
            # Smooth, so that halved colour resolution is no difference.
            y, x = np.mgrid[:48, :64]
            image = np.stack([x * 3 + i, y * 4, 250 - x * 2], -1).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    assert error(frames(data), frames(transcode(data, FINE).data)) < 2


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_the_matrix_of_colours_is_kept(tmp_path, matrix):
    options = H264 | {"x264-params": f"colormatrix={matrix}:fullrange=on"}
    data = write_video(tmp_path / "a.mp4", options=options, count=2).read_bytes()
    assert error(frames(data), frames(transcode(data, FINE).data)) < 4


def test_short_side():
    assert target_size(720, 1280, 256) == (256, 456)  # 455.1
    assert target_size(1920, 1080, 256) == (456, 256)
    assert target_size(240, 427, 256) == (240, 428)  # even, else not enlarged
    assert target_size(256, 340, 256) == (256, 340)
    assert target_size(1, 1, 256) == (2, 2)


def test_scaled_down(tmp_path):
    data = write_video(tmp_path / "a.mp4", options=H264 | {"crf": "4"}, size=(96, 128), count=3)
    small = Encoding(short_side=48, key_frames=12, crf=4, preset="veryfast")
    out = transcode(data.read_bytes(), small)
    assert (out.height, out.width) == (48, 64)
    # Each 2 × 2 pixels become one; bicubic overshoots at edges, hence the loose bound.
    means = frames(data.read_bytes()).reshape(3, 48, 2, 64, 2, 3).mean((2, 4))
    assert error(means, frames(out.data)) < 8


def test_odd_sides_become_even(tmp_path):
    options = {"options": {"crf": "0"}, "codec": "libx264"}
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options["options"])
        stream.width, stream.height, stream.pix_fmt = 65, 47, "yuv444p"
        frame = av.VideoFrame.from_ndarray(picture(0, 47, 65), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    out = transcode(path.read_bytes(), FINE)
    assert (out.height, out.width, out.frames) == (48, 64, 1)


def test_same_bytes_every_time(tmp_path):
    data = write_video(tmp_path / "a.webm", **GOOD["vp9.webm"]).read_bytes()
    encoding = Encoding(short_side=32, key_frames=12, crf=23, preset="veryfast")
    assert transcode(data, encoding) == transcode(data, encoding)


def test_times_that_stand_still_move_on(tmp_path):
    """Two frames at one time (variable-rate phones write them) stay two frames."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i, milliseconds in enumerate([0, 40, 41, 41, 80]):
            frame = av.VideoFrame.from_ndarray(picture(i, 48, 64), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 1000)
            for packet in stream.encode(frame):
                packet.pts = packet.dts = milliseconds
                container.mux(packet)
    data = path.read_bytes()
    assert index_video(data).count == 5
    out = transcode(data, FINE)
    times = index_video(out.data).times
    assert len(times) == 5
    assert (np.diff(times) > 0).all()
    np.testing.assert_allclose(times, [0, 0.04, 0.041, 0.041, 0.08], atol=1e-4)


def test_frames_refer_to_others_though_the_source_does_not(tmp_path):
    data = write_video(tmp_path / "a.mp4", options=H264 | {"g": "1"}, count=12).read_bytes()
    out = transcode(data, FINE)
    (tmp_path / "b.mp4").write_bytes(out.data)
    with av.open(str(tmp_path / "b.mp4")) as container:
        kinds = [PictureType(frame.pict_type).name for frame in container.decode(video=0)]
    assert kinds[0] == "I"
    assert "I" not in kinds[1:]


def test_bad_videos_say_why(tmp_path):
    data = write_video(tmp_path / "a.mp4", **GOOD["key_12.mp4"]).read_bytes()
    for broken, reason in (
        (b"", Reason.EMPTY),
        (b"text" * 100, Reason.NOT_VIDEO_FILE),
        (data[: len(data) // 2], Reason.DAMAGED),
    ):
        with pytest.raises(BadVideo) as caught:
            transcode(broken, FINE)
        assert caught.value.reason == reason


def test_impossible_settings_are_told_together():
    with pytest.raises(ValueError, match=r"short_side is 255.*; crf is 52.*; preset is quick"):
        Encoding(short_side=255, key_frames=12, crf=52, preset="quick")


@pytest.mark.parametrize("matrices", [("bt709", "smpte170m"), ("smpte170m", "bt709")])
def test_colours_that_change_in_the_middle(tmp_path, matrices):
    """As where a camera's film follows a telephone's: the new file says one matrix, and has it."""
    data = b""
    for name in matrices:
        options = H264 | {"x264-params": f"colormatrix={name}"}
        data += write_video(tmp_path / f"{name}.ts", options=options, count=4).read_bytes()
    expected, found = frames(data), frames(transcode(data, FINE).data)
    for half in (slice(0, 4), slice(4, 8)):
        assert error(expected[half], found[half]) < 4
    assert error(expected[:4], expected[4:]) > 4

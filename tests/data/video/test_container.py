"""Of several streams the one that FFmpeg's own rule takes."""

from pathlib import Path

import av
import numpy as np
import pytest

from ila_jax.data.clips.windows import Windows, frame_times
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import picture, write_video

Kind = av.stream.Disposition
NONE = Kind(0)
STILL, VIDEO = ("mjpeg", 1, (24, 32)), ("libx264", 40, (48, 64))
OTHER = ("libx264", 40, (24, 32))


def write_streams(path: Path, streams) -> bytes:
    """streams: of each its (codec, frames, (height, width)) and what it is marked as."""
    with av.open(str(path), "w") as out:
        made = []
        for (codec, count, size), mark in streams:
            stream = out.add_stream(codec, rate=25)
            stream.height, stream.width = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            stream.disposition = mark
            made.append((stream, count, size))
        for k in range(40):
            for stream, count, size in made:
                if k < count:
                    frame = av.VideoFrame.from_ndarray(picture(k, *size), format="rgb24")
                    out.mux(stream.encode(frame))
        for stream, *_ in made:
            out.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "streams"),
    [
        ("still.mkv", [(STILL, NONE), (VIDEO, NONE)]),
        ("still.mp4", [(STILL, NONE), (VIDEO, Kind.default)]),
        ("other.mp4", [(OTHER, NONE), (VIDEO, Kind.default)]),
        ("other.mkv", [(OTHER, NONE), (VIDEO, Kind.default)]),
        ("cover.mp4", [(STILL, Kind.attached_pic), (VIDEO, NONE)]),
        ("cover_first.mp4", [(STILL, Kind.attached_pic | Kind.default), (VIDEO, Kind.default)]),
        ("last.mkv", [(VIDEO, Kind.default), (OTHER, NONE)]),
    ],
)
def test_the_stream_that_ffmpeg_takes(name, streams, tmp_path):
    data = write_streams(tmp_path / name, streams)
    index = index_video(data)
    assert index.count == len(frame_times(tmp_path / name)) == 40
    assert decode(index, [3]).shape == (1, 48, 64, 3)
    assert sum(window.count for window in Windows(tmp_path / name, seconds=1)) == 40


def test_an_animated_picture_file(tmp_path):
    """The picture that stands for it is a stream of its own, the first."""
    path = write_video(
        tmp_path / "a.avif", count=10, codec="libsvtav1", options={"g": "12", "preset": "11"}
    )
    index = index_video(path.read_bytes())
    assert index.count == 10
    for k, frame in enumerate(decode(index, range(10))):
        errors = [np.abs(frame - picture(i, 48, 64).astype(float)).mean() for i in range(10)]
        assert np.argmin(errors) == k


def test_a_cover_alone_is_no_video(tmp_path):
    data = write_streams(tmp_path / "cover.mp4", [(STILL, Kind.attached_pic)])
    with pytest.raises(BadVideo) as caught:
        index_video(data)
    assert caught.value.reason == Reason.NO_VIDEO_STREAM

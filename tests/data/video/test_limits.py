"""Memory: what is too large says so before it is there, and large frames come one at a time."""

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from ila_jax.data.clips.transforms import ShortSide
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import sequential, write_video

ROOT = Path(__file__).parents[3]


def write_large(path: Path, width: int, height: int, count: int) -> Path:
    """Frames of one colour each, as they are quick to encode."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        for i in range(count):
            frame = av.VideoFrame(width, height, "yuvj420p")
            for plane in frame.planes:
                plane.update(bytes([20 * i]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def huge(tmp_path_factory) -> Path:
    return write_large(tmp_path_factory.mktemp("huge") / "8k.mkv", 7680, 4320, 5)


def too_large(data: bytes) -> str:
    with pytest.raises(BadVideo) as caught:
        index_video(data)
    assert caught.value.reason == Reason.TOO_LARGE
    return caught.value.detail


def test_8k_decodes_and_shrinks_as_any_video(huge):
    expected = sequential(huge)[3][None]
    index = index_video(huge.read_bytes())
    assert (decode(index, [3]) == expected).all()
    small = decode(index, [3], transform=lambda image, _: ShortSide(256).frame(image))
    assert small.shape == (1, 256, 455, 3)
    np.testing.assert_array_equal(small, ShortSide(256)(expected))


PEAK = """
import resource, sys
from pathlib import Path
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.clips.transforms import ShortSide
index = index_video(Path(sys.argv[1]).read_bytes())
decode(index, range(int(sys.argv[2])), transform=lambda image, _: ShortSide(256).frame(image))
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def test_the_peak_does_not_grow_with_the_number_of_large_frames(huge):
    """Held in full, four frames more would be 380 MiB more."""
    few, many = (
        int(subprocess.check_output([sys.executable, "-c", PEAK, huge, count], cwd=ROOT))
        for count in ("1", "5")
    )
    assert many - few < 100 << 20


def test_frames_over_8k_and_strips(tmp_path):
    wide = write_large(tmp_path / "wide.mkv", 8208, 4096, 1).read_bytes()
    assert too_large(wide) == "Frames of 8208x4096 pixels, and 33554432 pixels (8K) are allowed."
    strip = write_large(tmp_path / "strip.mkv", 16, 272, 1).read_bytes()
    assert too_large(strip) == "Frames of 16x272 pixels: one side is over 16 times the other."
    index_video(write_large(tmp_path / "band.mkv", 16, 256, 1).read_bytes())


def test_frames_that_grow_beyond_8k_in_the_middle(tmp_path, monkeypatch):
    """The head of a file may promise less than its frames are: the decoder refuses them."""
    small, large = (write_large(tmp_path / f"{s}.mkv", s, s, 1) for s in (64, 256))
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        with av.open(str(small)) as source:
            stream = out.add_stream_from_template(source.streams.video[0])
        for k, path in enumerate((small, large)):
            with av.open(str(path)) as source:
                packet = next(source.demux(video=0))
                packet.stream, packet.pts, packet.dts = stream, 40 * k, 40 * k
                out.mux(packet)
    monkeypatch.setattr(limits, "MAX_PIXELS", 128 * 128)
    index = index_video((tmp_path / "a.mkv").read_bytes())
    assert decode(index, [0]).shape == (1, 64, 64, 3)
    with pytest.raises(BadVideo) as caught:
        decode(index, [1])
    assert caught.value.reason == Reason.DAMAGED


def test_more_packets_than_are_taken(tmp_path, monkeypatch):
    data = write_video(tmp_path / "a.mp4").read_bytes()
    monkeypatch.setattr(limits, "MAX_PACKETS", 40)
    index_video(data)
    monkeypatch.setattr(limits, "MAX_PACKETS", 39)
    assert too_large(data) == "More than 39 frames."


def test_a_file_too_large_to_be_read(tmp_path):
    """10 GiB that take no place on the disk: not a byte of it is read."""
    path = tmp_path / "film.mp4"
    path.touch()
    os.truncate(path, 10 << 30)
    with pytest.raises(BadVideo, match="10240 MiB, and 1024 MiB are allowed") as caught:
        ListSource([LabelledFile(str(path), 0)]).read(0)
    assert caught.value.reason == Reason.TOO_LARGE


def test_what_names_no_size_is_read_no_further_than_allowed(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 1 << 10)
    data = ListSource([LabelledFile("/proc/cpuinfo", 0)]).read(0)
    assert len(data) == (1 << 10) + 1
    assert too_large(data) == "0 MiB, and 0 MiB are allowed."

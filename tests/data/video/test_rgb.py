"""Colours that FFmpeg's scaler does not know: converted where it can be exact, else a bad video."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.transcode import transcode
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.video.rgb import to_rgb
from tests.data.videos import H264, picture, write_video

FINE = Encoding(short_side=256, key_frames=12, crf=4, preset="veryfast")
COLOURS = np.array(
    [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 40]], np.float64
)
# H.273, equations 39 to 42, of R, G, B from 0 to 1.
YCGCO = np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0, -0.5]])


def stripes() -> np.ndarray:
    """Each colour in eight columns: uint8 [48, 48, 3]."""
    return np.broadcast_to(np.repeat(COLOURS, 8, 0), (48, 48, 3)).astype(np.uint8)


def ycgco(full: bool) -> np.ndarray:
    """The planes of the stripes, uint8 [3, 48, 48]."""
    y, cg, co = np.moveaxis(stripes() / 255 @ YCGCO.T, -1, 0)
    scale, black = ((255, 255, 255), 0) if full else ((219, 224, 224), 16)
    planes = [y * scale[0] + black, cg * scale[1] + 128, co * scale[2] + 128]
    return np.rint(np.stack(planes)).clip(0, 255).astype(np.uint8)


@pytest.fixture(params=["limited", "full", "yuvj444p"])
def ycgco_file(request, tmp_path) -> bytes:
    full = request.param != "limited"
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        options = {"qp": "0", "x264-params": f"colormatrix=YCgCo:fullrange={'on' * full or 'off'}"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height = 48, 48
        stream.pix_fmt = "yuvj444p" if request.param == "yuvj444p" else "yuv444p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(ycgco(full), format=stream.pix_fmt)
            frame.color_range = stream.codec_context.color_range = 2 if full else 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return (tmp_path / "a.mkv").read_bytes()


def test_ycgco(ycgco_file):
    frames = decode(index_video(ycgco_file), [0, 2])
    # Rounded to 8 bits twice, each of three planes.
    assert np.abs(frames.astype(int) - stripes()).max() <= 2


def test_ycgco_prepared(ycgco_file):
    out = transcode(ycgco_file, FINE).data
    frames = decode(index_video(out), [1])[0].astype(int)
    # The middle of each stripe: chroma has half the columns.
    assert np.abs(frames[:, 3::8] - stripes()[:, 3::8]).max() <= 8


def frame(matrix: int, primaries: int = 2) -> av.VideoFrame:
    made = av.VideoFrame.from_ndarray(picture(0, 48, 64), format="rgb24").reformat(format="yuv420p")
    made.colorspace, made.color_primaries = matrix, primaries
    return made


@pytest.mark.parametrize(
    ("matrix", "primaries", "same"), [(3, 2, 2), (3, 9, 2), (12, 1, 1), (12, 9, 9)]
)
def test_matrices_that_are_others_by_another_name(matrix, primaries, same):
    expected = VideoReformatter().reformat(frame(same), format="rgb24").to_ndarray()
    np.testing.assert_array_equal(to_rgb(frame(matrix, primaries), VideoReformatter()), expected)


@pytest.mark.parametrize(("matrix", "primaries"), [(10, 9), (12, 5), (13, 1), (14, 9), (15, 9)])
def test_other_matrices_are_no_guesses(matrix, primaries):
    words = f"yuv420p to RGB with H.273's colour matrix {matrix}, primaries {primaries} and range"
    with pytest.raises(BadVideo, match=words) as caught:
        to_rgb(frame(matrix, primaries), VideoReformatter())
    assert caught.value.reason is Reason.UNSUPPORTED


def test_what_cannot_be_read_is_not_prepared(tmp_path):
    data = unconvertible(tmp_path / "a.mp4").read_bytes()
    assert index_video(data).count == 4
    for read in (lambda: decode(index_video(data), [1]), lambda: transcode(data, FINE)):
        with pytest.raises(BadVideo) as caught:
            read()
        assert caught.value.reason is Reason.UNSUPPORTED


def unconvertible(path: Path) -> Path:
    """A file that decodes, and whose colours (ICtCp) nothing here converts."""
    return write_video(path, count=4, options=H264 | {"x264-params": "colormatrix=ICtCp"})

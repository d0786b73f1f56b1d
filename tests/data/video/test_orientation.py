"""Frames are upright: display matrices as FFmpeg's own programs apply them."""

import math
from pathlib import Path

import av
import numpy as np
import pytest

from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.transcode import transcode
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.video.orientation import AS_STORED, Orientation, of_matrix

FINE = Encoding(short_side=256, key_frames=12, crf=4, preset="veryfast")
# a, b, c, d of x' = ax + cy, y' = bx + dy, with y downwards, to the picture that is shown.
SHOWN = {
    (1, 0, 0, 1): lambda image: image,
    (-1, 0, 0, 1): lambda image: image[:, ::-1],
    (1, 0, 0, -1): lambda image: image[::-1],
    (-1, 0, 0, -1): lambda image: image[::-1, ::-1],
    (0, 1, 1, 0): lambda image: image.swapaxes(0, 1),
    (0, 1, -1, 0): lambda image: np.rot90(image, -1),  # clockwise
    (0, -1, 1, 0): lambda image: np.rot90(image, 1),
    (0, -1, -1, 0): lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    # Scaled, which players ignore.
    (-2, 0, 0, 0.5): lambda image: image[:, ::-1],
    (0, 3, 0.5, 0): lambda image: image.swapaxes(0, 1),
    # No angle.
    (0, 0, 0, 0): lambda image: image,
    (0, 0, 1, 1): lambda image: image[::1],
    # Half a degree off, as sensors write it.
    (math.cos(0.008), math.sin(0.008), -math.sin(0.008), math.cos(0.008)): lambda image: image,
}


def quarters() -> np.ndarray:
    """Four colours, none like another, of which each orientation shows others: [48, 64, 3]."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32], image[:24, 32:] = (200, 40, 40), (40, 200, 40)
    image[24:, :32], image[24:, 32:] = (40, 40, 200), (220, 220, 220)
    return image


def matrix(a: float, b: float, c: float, d: float) -> list[int]:
    return [*(round(x * 65536) for x in (a, b, 0, c, d, 0, 0, 0)), 1 << 30]


def write(path: Path, nine: list[int] | None) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_matrix(nine)
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(quarters(), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def first(data: bytes) -> np.ndarray:
    return decode(index_video(data), [0])[0]


def error(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.float32) - other).mean())


@pytest.mark.parametrize("numbers", SHOWN)
def test_every_way_to_show_a_frame(tmp_path, numbers):
    data = write(tmp_path / "a.mp4", matrix(*numbers))
    stored = first(write(tmp_path / "b.mp4", None))
    assert error(stored, quarters()) < 3
    expected = SHOWN[numbers](stored)
    np.testing.assert_array_equal(first(data), expected)
    # Prepared, it is upright by its pixels, and not once more by a matrix.
    prepared = transcode(data, FINE)
    assert (prepared.height, prepared.width) == expected.shape[:2]
    assert error(first(prepared.data), expected) < 2
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert next(container.decode(video=0)).width == 64


@pytest.mark.parametrize("degrees", [30, 200])
def test_other_angles_turn_about_the_middle(tmp_path, degrees):
    """Clockwise, in a frame of the same size with black corners."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    data = write(tmp_path / "a.mp4", matrix(cosine, sine, -sine, cosine))
    stored = first(write(tmp_path / "b.mp4", None))
    turned, prepared = first(data), first(transcode(data, FINE).data)
    assert error(prepared, turned) < 6
    for picture in (turned, prepared):
        assert picture[0, 0].max() < 20
        for x, y in ((40, 30), (20, 28), (30, 15)):  # where a pixel of the source comes to
            along, down = x - 31.5, y - 23.5
            place = (
                round(sine * along + cosine * down + 23.5),
                round(cosine * along - sine * down + 31.5),
            )
            assert error(picture[place], stored[y, x]) < 12


def test_angles_round_to_whole_degrees():
    """As FFmpeg: up to half a degree from a quarter is one; one degree alone is none."""

    def of_degrees(degrees: float) -> Orientation:
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return of_matrix(np.array(matrix(cosine, sine, -sine, cosine), np.int32).tobytes())

    assert (
        of_degrees(89.6)
        == of_degrees(90.4)
        == of_degrees(90)
        == Orientation(transposed=True, columns=True)
    )
    assert of_degrees(269.6) == of_degrees(-90) == Orientation(transposed=True, rows=True)
    assert of_degrees(89.4) == Orientation(degrees=89)
    assert of_degrees(359.6) == of_degrees(1.2) == AS_STORED
    assert of_degrees(1.6) == Orientation(degrees=2)
    assert of_degrees(-1) == Orientation(degrees=359)


@pytest.mark.parametrize("number", range(1, 9))
def test_pictures_with_exif(tmp_path, number):
    """Its eight orientations, by the number that a camera writes."""
    path = tmp_path / "a.mjpeg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(quarters(), format="rgb24")))
        container.mux(stream.encode(None))
    plain = path.read_bytes()
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([number]) + b"\0" * 7
    segment = b"Exif\0\0" + tiff
    tagged = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    upright, stored = first(plain[:2] + tagged + plain[2:]), first(plain)
    ways = [
        (1, 0, 0, 1), (-1, 0, 0, 1), (-1, 0, 0, -1), (1, 0, 0, -1),
        (0, 1, 1, 0), (0, 1, -1, 0), (0, -1, -1, 0), (0, -1, 1, 0),
    ]  # fmt: skip
    if int(av.__version__.partition(".")[0]) < 19 and number in (2, 4, 5, 7):
        # PyAV 18 then tells the angle alone: turned, but not mirrored.
        ways[number - 1] = {2: (-1, 0, 0, -1), 4: (1, 0, 0, 1), 5: (0, 1, -1, 0), 7: (0, -1, 1, 0)}[
            number
        ]
    np.testing.assert_array_equal(upright, SHOWN[ways[number - 1]](stored))

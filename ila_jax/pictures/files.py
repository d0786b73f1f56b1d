"""Writes pictures to files: PNG, GIF and mp4."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from ila_jax.files.plain_name import plain_name
from ila_jax.pictures.sheet import Picture

# Frames a second: a clip has few of them, and each is to be looked at.
_FRAMES_PER_SECOND = 4
# The number of times that an mp4 repeats the clip; a GIF begins again by itself.
_TIMES = 3


def write_png(picture: Picture, path: Path) -> None:
    """Writes a PNG file. Errors: OSError."""
    # OpenCV takes BGR. It encodes in memory, since it cannot open every name that Python can.
    _, data = cv2.imencode(".png", picture[..., ::-1])
    path.write_bytes(data.tobytes())


def write_mp4(pictures: Sequence[Picture], path: Path) -> None:
    """Writes H.264 that browsers play, the clip three times over. Errors: OSError."""
    frames = [_even(picture) for picture in pictures] * _TIMES
    height, width = frames[0].shape[:2]
    with av.open(
        str(plain_name(path)), "w", format="mp4", options={"movflags": "faststart"}
    ) as container:
        # All browsers play yuv420p, and with the index in front (faststart) they begin at once.
        stream = container.add_stream("libx264", rate=_FRAMES_PER_SECOND, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def write_gif(pictures: Sequence[Picture], path: Path) -> None:
    """Writes a GIF that plays without end, in 256 colours for all frames. Errors: OSError."""
    height, width = pictures[0].shape[:2]
    with av.open(str(plain_name(path)), "w", format="gif", options={"loop": "0"}) as container:
        stream = container.add_stream("gif", rate=_FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        for frame in _palettes(pictures):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _palettes(pictures: Sequence[Picture]) -> Iterator[av.VideoFrame]:
    """Frames in the 256 colours that suit all of them best."""
    height, width = pictures[0].shape[:2]
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width,
        height=height,
        format=av.VideoFormat("rgb24"),
        time_base=Fraction(1, _FRAMES_PER_SECOND),
    )
    # FFmpeg's usual graph for GIFs: one branch chooses the colours that the other is drawn in. With
    # a palette for each frame, colours that mean something would flicker.
    split, palette, coloured, sink = map(
        graph.add, ("split", "palettegen", "paletteuse", "buffersink")
    )
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(coloured, 1, 0)
    palette.link_to(coloured, 0, 1)
    coloured.link_to(sink)
    graph.configure()
    for time, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = time, Fraction(1, _FRAMES_PER_SECOND)
        source.push(frame)
    # The end of the input: only now are the colours chosen.
    source.push(None)
    for _ in pictures:
        yield graph.vpull()


def _even(picture: Picture) -> Picture:
    """Sides of even length, which H.264 wants: the last row or column twice."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")

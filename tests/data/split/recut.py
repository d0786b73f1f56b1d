"""A video as somebody else may have it: cut at other times, cropped, and encoded anew."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

import ila_jax


def recut(
    path: Path,
    to: Path,
    *,
    skip: int = 0,
    last: int | None = None,
    crop: float = 0.0,
    crf: int = 30,
    rate: int = 25,
    light: float = 1.0,
) -> Path:
    """Writes frames `skip` to `last`, with `crop` of each side cut off, at a lower quality.

    light: factor of the brightness.
    """
    frames = ila_jax.read_video(str(path))[skip:last]
    height, width = frames.shape[1:3]
    top, left = round(crop * height), round(crop * width)
    write(to, [_cut(frame, top, left, light) for frame in frames], crf=crf, rate=rate)
    return to


def write(path: Path, frames: list[np.ndarray], *, crf: int = 20, rate: int = 25) -> None:
    """Encodes frames, uint8 [h, w, 3] of one size."""
    with av.open(str(path), "w") as container:
        options = {"crf": str(crf), "preset": "veryfast"}
        stream = container.add_stream("libx264", rate=Fraction(rate), options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def _cut(frame: np.ndarray, top: int, left: int, light: float) -> np.ndarray:
    height, width = frame.shape[:2]
    inner = frame[top : height - top, left : width - left].astype(np.float32) * light
    return cv2.resize(inner.clip(0, 255).astype(np.uint8), (width, height))

"""Reads the frames of any video file: the public function `ila_jax.read_video`."""

import os
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import UInt8

from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.video.files import read_file

# A path, the bytes of an encoded file, or a file opened in binary mode.
EncodedVideo = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


def read_video(
    video: EncodedVideo, indices: Sequence[int] | np.ndarray | None = None
) -> UInt8[np.ndarray, "t h w 3"]:
    """The frames of a video in RGB, upright and in the order in which they are shown.

        frames = ila_jax.read_video("clip.mp4")
        three = ila_jax.read_video("clip.mp4", [0, 10, 20])

    indices: numbers of frames from 0 on, in any order, repeats allowed; None for all of them. Only
    what these need is decoded. Frames have the size that is stored in the file: memory holds all of
    the result, and twice as much while it is put together. All of a minute of 1080p at 30 frames a
    second are 11 GB.
    Errors: BadVideo, a ValueError, saying what is wrong with a file; IndexError for a frame that
    the video does not have; ValueError for what are no numbers of frames; TypeError for what is no
    video.
    """
    # Checked before the video is read, which may take a while.
    wanted = None if indices is None else _numbers(indices)
    try:
        index = index_video(encoded(video))
        return decode(index, np.arange(index.count) if wanted is None else wanted)
    except BadVideo as error:
        if isinstance(video, str | os.PathLike):
            raise error.of(os.fspath(video)) from error
        raise


def encoded(video: EncodedVideo) -> bytes:
    """The bytes of an encoded file. Errors: BadVideo; TypeError for what is no file."""
    if isinstance(video, str | os.PathLike):
        return read_file(video)
    if isinstance(video, bytes | bytearray | memoryview):
        return bytes(video)
    # A file opened as text reads as well, but gives no bytes.
    data: Any = video.read() if hasattr(video, "read") else None
    if not isinstance(data, bytes):
        raise TypeError(
            f"a video is {type(video).__name__}: expected a path, bytes, a file opened with 'rb', "
            "or for a model also uint8 frames [f, h, w, 3]"
        )
    return data


def _numbers(indices: Any) -> np.ndarray:
    """Numbers of frames as an array, int [t]. Errors: ValueError for what are none."""
    numbers = np.asarray(indices)
    if numbers.ndim != 1 or not numbers.size or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"indices are {numbers.dtype} {list(numbers.shape)}: expected a list of whole numbers, "
            "with at least one, or None for all frames"
        )
    return numbers

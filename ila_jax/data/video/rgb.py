"""Converts a decoded frame to RGB, as FFmpeg does, and where FFmpeg does not know the colours.

FFmpeg's scaler refuses some numbers of colour matrices that files name. A few of these have another
number by which it knows them, and YCgCo is converted here.
"""

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.container import ffmpeg_message

# Of H.273, table 4: how Y, Cb and Cr come from R, G and B. FFmpeg's numbers are the same.
UNSPECIFIED = 2
_RESERVED = 3  # files name it by mistake; of most codecs FFmpeg itself takes it for unspecified
_YCGCO = 8
_DERIVED = 12  # from the primaries, numbers of table 2; of these two, it is a matrix of its own
_OF_PRIMARIES = {1: 1, 9: 9}  # BT.709, BT.2020
FULL = 2  # FFmpeg's number for a range of 0 to 255


def to_rgb(frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """A frame in RGB, uint8 [h, w, 3], not turned upright. Errors: BadVideo (UNSUPPORTED)."""
    # FFmpeg is asked first and the exceptions come after: nearly every frame needs nothing else,
    # and a newer FFmpeg may know more matrices.
    try:
        return reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    except av.error.FFmpegError as error:
        if frame.colorspace == _YCGCO:
            return _of_ycgco(frame, reformatter)
        if (matrix := _equal_matrix(frame)) is not None:
            frame.colorspace = matrix
            return to_rgb(frame, reformatter)
        message = f"FFmpeg, {_colours(frame)}: {ffmpeg_message(error)}."
        raise BadVideo(Reason.UNSUPPORTED, message) from error


def _equal_matrix(frame: av.VideoFrame) -> int | None:
    """The number by which FFmpeg's scaler knows the same matrix, if there is one."""
    if frame.colorspace == _DERIVED:
        return _OF_PRIMARIES.get(frame.color_primaries)
    return UNSPECIFIED if frame.colorspace == _RESERVED else None


def _colours(frame: av.VideoFrame) -> str:
    return (
        f"{frame.format.name} to RGB with H.273's colour matrix {int(frame.colorspace)}, "
        f"primaries {int(frame.color_primaries)} and range {int(frame.color_range)}"
    )


def _of_ycgco(frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """A YCgCo frame in RGB by H.273, equations 39 to 50.

    R = Y - Cg + Co, G = Y + Cg, B = Y - Cg - Co.
    """
    full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
    frame.colorspace = UNSPECIFIED  # or it is refused, though no matrix is applied
    planes = reformatter.reformat(frame, format="yuvj444p" if full else "yuv444p", threads=1)
    y, cg, co = planes.to_ndarray().astype(np.float32)
    frame.colorspace = _YCGCO  # the frame is the caller's, and is left as it was
    # Of the limited range, Y has 219 steps from 16 on, and Cg and Co have 224.
    black, luma, chroma = (0, 255, 255) if full else (16, 219, 224)
    y, cg, co = (y - black) * (255 / luma), (cg - 128) * (255 / chroma), (co - 128) * (255 / chroma)
    image = np.stack([y - cg + co, y + cg, y - cg - co], axis=-1)
    rounded: np.ndarray = np.rint(image).clip(0, 255).astype(np.uint8)
    return rounded

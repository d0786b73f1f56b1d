"""A decoded frame to RGB, as FFmpeg converts it, and where FFmpeg does not know the colours."""

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.container import said

# Of H.273, table 4: how Y, Cb and Cr come from R, G and B. FFmpeg's numbers are the same.
UNSPECIFIED = 2
_RESERVED = 3  # said by mistake; of most codecs FFmpeg takes it for unspecified itself
_YCGCO = 8
_DERIVED = 12  # from the primaries, numbers of table 2; of these two, it is a matrix of its own
_OF_PRIMARIES = {1: 1, 9: 9}  # BT.709, BT.2020
FULL = 2  # FFmpeg's number for a range of 0 to 255


def to_rgb(frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """uint8 [h, w, 3], not turned. Errors: BadVideo (UNSUPPORTED)."""
    try:
        return reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    except av.error.FFmpegError as error:
        if frame.colorspace == _YCGCO:
            return _of_ycgco(frame, reformatter)
        if (known := _by_another_name(frame)) is not None:
            frame.colorspace = known
            return to_rgb(frame, reformatter)
        raise BadVideo(Reason.UNSUPPORTED, f"FFmpeg, {_colours(frame)}: {said(error)}.") from error


def _by_another_name(frame: av.VideoFrame) -> int | None:
    """The same matrix by a number that FFmpeg's scaler knows."""
    if frame.colorspace == _DERIVED:
        return _OF_PRIMARIES.get(frame.color_primaries)
    return UNSPECIFIED if frame.colorspace == _RESERVED else None


def _colours(frame: av.VideoFrame) -> str:
    return (
        f"{frame.format.name} to RGB with H.273's colour matrix {int(frame.colorspace)}, "
        f"primaries {int(frame.color_primaries)} and range {int(frame.color_range)}"
    )


def _of_ycgco(frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """H.273, equations 39 to 50: R = Y - Cg + Co, G = Y + Cg, B = Y - Cg - Co."""
    full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
    frame.colorspace = UNSPECIFIED  # or it is refused, though no matrix is applied
    planes = reformatter.reformat(frame, format="yuvj444p" if full else "yuv444p", threads=1)
    y, cg, co = planes.to_ndarray().astype(np.float32)
    frame.colorspace = _YCGCO
    black, luma, chroma = (0, 255, 255) if full else (16, 219, 224)
    y, cg, co = (y - black) * (255 / luma), (cg - 128) * (255 / chroma), (co - 128) * (255 / chroma)
    image = np.stack([y - cg + co, y + cg, y - cg - co], axis=-1)
    return np.rint(image).clip(0, 255).astype(np.uint8)

"""Opening a video file with FFmpeg, and which of its streams is the video."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, TypeGuard

import av

from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.files import readable

# Tags that are no text are nobody's concern here. PyAV 19, which needs Python 3.12, drops them by
# itself; before it they were an error unless this was asked for.
_TAGS: dict[str, Any] = (
    {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}
)
# What PyAV raises on damaged bytes: FFmpeg's errors, and its own for streams that appear late
# (IndexError) and for metadata that is no text (UnicodeDecodeError, a ValueError).
ERRORS = (av.error.FFmpegError, LookupError, ValueError)


def open_bytes(data: bytes) -> av.container.InputContainer:
    """A file in memory. Errors: BadVideo."""
    if not data:
        raise BadVideo(Reason.EMPTY)
    limits.check_bytes(len(data))
    # Every MP4 begins so; told its format, FFmpeg opens it in three quarters of the time.
    known = "mov" if data[4:8] == b"ftyp" else None
    size = min(max(len(data), 4096), 1 << 20)  # few read callbacks: the bytes are in memory anyway
    try:
        return av.open(io.BytesIO(data), "r", format=known, buffer_size=size, **_TAGS)
    except ERRORS as error:
        raise BadVideo(Reason.NOT_VIDEO_FILE, f"FFmpeg, opening: {said(error)}.") from error


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Iterator[av.container.InputContainer]:
    """A file on disk, of which little is in memory at a time. Errors: BadVideo."""
    # Not by its name: FFmpeg would take one for an address, http:… or concat:….
    with readable(path) as file:
        if not os.fstat(file.fileno()).st_size:
            raise BadVideo(Reason.EMPTY)
        try:
            container = av.open(file, "r", buffer_size=1 << 20, **_TAGS)
        except ERRORS as error:
            raise BadVideo(Reason.NOT_VIDEO_FILE, f"FFmpeg, opening: {said(error)}.") from error
        with container:
            yield container


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The one that FFmpeg's own rule takes (av_find_best_stream). Errors: BadVideo.

    It prefers what is marked as the default, then what has more frames than a still picture.
    """
    streams = [s for s in (container.streams.best("video"), *container.streams.video) if _moves(s)]
    if not streams:
        raise BadVideo(Reason.NO_VIDEO_STREAM)
    codec = streams[0].codec_context
    limits.check_picture(codec.width, codec.height)
    codec.thread_count = 1  # the loader is what runs in parallel
    codec.options = {"max_pixels": str(limits.MAX_PIXELS)}  # for what the head did not promise
    return streams[0]


def _moves(stream: av.stream.Stream | None) -> TypeGuard[av.VideoStream]:
    """A cover picture of a music file is a video stream to FFmpeg, and no video."""
    cover = av.stream.Disposition.attached_pic
    return stream is not None and not stream.disposition & cover and bool(stream.codec_context)


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Width to height of a stored pixel: of the container, else of the codec, else 1."""
    found = stream.sample_aspect_ratio  # as FFmpeg guesses it
    return Fraction(found.numerator, found.denominator) if found else Fraction(1)


def said(error: Exception) -> str:
    """What FFmpeg or PyAV called it."""
    return str(getattr(error, "strerror", None) or error)

"""Opens a video file with FFmpeg, and chooses the stream that is the video."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, TypeAlias, TypeGuard

import av

from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.files import open_readable

# A string, since PyAV's class takes no parameters when the program runs.
VideoPacket: TypeAlias = "av.Packet[av.VideoStream]"
# Tags that are no text are nobody's concern here. PyAV 19, which needs Python 3.12, drops them by
# itself; before it they were an error unless this was asked for.
_TAGS: dict[str, Any] = (
    {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}
)
# What PyAV raises on damaged bytes: FFmpeg's errors, and its own for streams that appear late
# (IndexError) and for metadata that is no text (UnicodeDecodeError, a ValueError).
DECODER_ERRORS = (av.error.FFmpegError, LookupError, ValueError)


def open_bytes(data: bytes) -> av.container.InputContainer:
    """Opens a file that is in memory. Errors: BadVideo."""
    if not data:
        raise BadVideo(Reason.EMPTY)
    limits.check_bytes(len(data))
    # Every MP4 begins so. Given its format, FFmpeg opens it in three quarters of the time.
    format_name = "mov" if data[4:8] == b"ftyp" else None
    size = min(max(len(data), 4096), 1 << 20)  # few read callbacks: the bytes are in memory anyway
    try:
        container: av.container.InputContainer = av.open(
            io.BytesIO(data), "r", format=format_name, buffer_size=size, **_TAGS
        )
        return container
    except DECODER_ERRORS as error:
        raise _not_a_video(error) from error


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Iterator[av.container.InputContainer]:
    """Opens a file on disk; only a little of it is in memory at a time. Errors: BadVideo."""
    # FFmpeg gets the opened file and not its name, which it might take for an address: http:… or
    # concat:….
    with open_readable(path) as file:
        if not os.fstat(file.fileno()).st_size:
            raise BadVideo(Reason.EMPTY)
        try:
            container = av.open(file, "r", buffer_size=1 << 20, **_TAGS)
        except DECODER_ERRORS as error:
            raise _not_a_video(error) from error
        with container:
            yield container


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The video stream that FFmpeg's own rule takes (av_find_best_stream). Errors: BadVideo.

    The rule prefers what is marked as the default, then what has more frames than a still picture.
    """
    # The rule may end at a cover picture. Then the first stream that moves is the video.
    streams = [s for s in (container.streams.best("video"), *container.streams.video) if _moves(s)]
    if not streams:
        raise BadVideo(Reason.NO_VIDEO_STREAM)
    codec = streams[0].codec_context
    # Before the decoder is opened: it allocates whole frames.
    limits.check_picture(codec.width, codec.height)
    codec.thread_count = 1  # the loader is what runs in parallel
    codec.options = {"max_pixels": str(limits.MAX_PIXELS)}  # for frames larger than the head says
    return streams[0]


def _moves(stream: av.stream.Stream | None) -> TypeGuard[av.VideoStream]:
    """Whether a stream is a video that can be decoded.

    A cover picture of a music file is a video stream to FFmpeg, and no video.
    """
    cover = av.stream.Disposition.attached_pic
    return stream is not None and not stream.disposition & cover and bool(stream.codec_context)


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Pixel width / height in the stored frames: the container's, else the codec's, else 1."""
    aspect = stream.sample_aspect_ratio  # as FFmpeg guesses it
    return Fraction(aspect.numerator, aspect.denominator) if aspect else Fraction(1)


def _not_a_video(error: Exception) -> BadVideo:
    return BadVideo(Reason.NOT_VIDEO_FILE, f"FFmpeg, opening: {ffmpeg_message(error)}.")


def ffmpeg_message(error: Exception) -> str:
    """FFmpeg's or PyAV's message for an error, without the code and the file's name."""
    return str(getattr(error, "strerror", None) or error)

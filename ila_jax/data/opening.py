"""Opening a video file with FFmpeg: its first video stream, and what its packets tell."""

import io
import itertools
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np

from ila_jax.data import limits
from ila_jax.data.bad import BadVideo, Reason
from ila_jax.data.sources import readable

# Containers whose packets carry a presentation time each, one packet a frame.
_CONTAINERS = ("mov", "matroska", "avi")
_ONE_PACKET_A_FRAME = ("h264", "hevc", "vp9", "av1", "libdav1d", "libaom-av1", "mpeg4", "mjpeg")
# An MPEG-4 packet may say "as before" and give no frame; it is of a few bytes, and so it is not
# taken for a frame unseen. Small real frames pay with sequential decoding.
_EMPTY_VOP = 16
# Tags that are no text are nobody's concern here. PyAV 19, which needs Python 3.12, drops them by
# itself; before it they were an error unless this was asked for.
_TAGS = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}
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
    """The first. Errors: BadVideo."""
    # A cover picture of a music file is a video stream to FFmpeg.
    cover = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & cover]
    if not streams or streams[0].codec_context is None:
        raise BadVideo(Reason.NO_VIDEO_STREAM)
    codec = streams[0].codec_context
    limits.check_picture(codec.width, codec.height)
    codec.thread_count = 1  # the loader is what runs in parallel
    codec.options = {"max_pixels": str(limits.MAX_PIXELS)}  # for what the head did not promise
    return streams[0]


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Width to height of a stored pixel: of the container, else of the codec, else 1."""
    found = stream.sample_aspect_ratio  # as FFmpeg guesses it
    return Fraction(found.numerator, found.denominator) if found else Fraction(1)


def is_direct(
    container: str, codec: av.VideoCodecContext, times: Collection[int | None], smallest: int
) -> bool:
    """Whether frame k is for certain the packet with the k-th smallest presentation time.

    times: of all packets that are shown. smallest: of them, in bytes.
    """
    if not container.startswith(_CONTAINERS) or codec.name not in _ONE_PACKET_A_FRAME:
        return False
    if container == "avi" and codec.has_b_frames:  # AVI stores no presentation times
        return False
    if codec.name == "mpeg4" and smallest <= _EMPTY_VOP:
        return False
    different = set(times)
    return None not in different and len(different) == len(times)


def decoded(codec: av.VideoCodecContext, packets: Iterable[av.Packet]) -> Iterator[av.VideoFrame]:
    """Plain sequential decoding, which defines what frame k is. Errors: BadVideo (DAMAGED)."""
    if codec.is_open:
        codec.flush_buffers()
    try:
        for packet in itertools.chain(packets, [None]):
            for frame in codec.decode(packet):
                if frame.is_corrupt:
                    raise BadVideo(Reason.DAMAGED, "FFmpeg marks a frame as corrupt.")
                yield frame
    except BadVideo:
        raise
    except ERRORS as error:
        raise BadVideo(Reason.DAMAGED, f"FFmpeg, decoding: {said(error)}.") from error


def decoded_times(stream: av.VideoStream, packets: Iterable[av.Packet]) -> np.ndarray:
    """Presentation times of all frames by decoding them: float64 [count], seconds, ascending.

    Errors: BadVideo.
    """
    unit = float(stream.time_base or 1)
    step = float(1 / stream.average_rate) if stream.average_rate else 0.0
    # Not frame.time: frames that come out at the end of a stream have no time base.
    stamps = [frame.pts for frame in decoded(stream.codec_context, packets)]
    if not stamps:
        raise BadVideo(Reason.NO_FRAMES)
    times = [k * step if pts is None else pts * unit for k, pts in enumerate(stamps)]
    return np.maximum.accumulate(np.array(times, np.float64))


def said(error: Exception) -> str:
    """What FFmpeg or PyAV called it."""
    return str(getattr(error, "strerror", None) or error)

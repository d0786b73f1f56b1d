"""The pictures of a live source as they come, with the time at which each was captured."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import numpy as np

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.container import DECODER_ERRORS, pixel_aspect, video_stream
from ila_jax.data.video.images import FrameTransform, Images
from ila_jax.data.video.live_source import LiveProblem, LiveSource, open_live, problem_of

# Seconds without a packet after which a connection is given up.
READ_LIMIT = 10.0
# How much faster one quartz clock may run than another: 50 parts in a million each.
_DRIFT = 1e-4
_NO_TIMES = 0x0080  # the flag AVFMT_NOTIMESTAMPS: the times of such a container are made up


@dataclass(frozen=True, eq=False)
class LivePicture:
    """A frame, as `transform` has left it: uint8 [h, w, 3].

    time: in seconds, by the stream's own clock. captured: in seconds, by the clock of this machine.
    """

    time: float
    captured: float
    pixels: np.ndarray


class CaptureClock:
    """Tells from a stream's times when its frames were captured, by the clock of this machine.

    Frames come late, and never early: whichever had the shortest way so far is taken to have come
    at once, and the others to be late by what they took longer. What all take is not seen.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: the time of this machine, in seconds."""
        self._clock = clock
        self._time = self._now = self._delay = 0.0
        self._started = False

    def __call__(self, stream_time: float) -> float:
        """The time of this machine at which the frame was captured that has now come.

        stream_time: in seconds. Where it goes back, the stream's clock was set anew.
        """
        now = self._clock()
        delay = now - stream_time
        if self._started and stream_time >= self._time:
            # The two clocks drift apart, which must not look like a delay after some hours.
            self._delay = min(delay, self._delay + _DRIFT * (now - self._now))
        else:
            self._delay = delay
        self._started, self._time, self._now = True, stream_time, now
        return stream_time + self._delay


def live_pictures(
    source: LiveSource,
    transform: FrameTransform,
    *,
    limit: float = READ_LIMIT,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[LivePicture]:
    """Connects to a source, and yields its frames until it ends, which a file on a server does.

    A frame that was damaged on its way is left out. transform: as of `Images`. limit: seconds for
    connecting, and for each read. clock: the time of this machine. Errors: LiveProblem, also where
    a stream without an end breaks off.
    """
    with open_live(source, limit) as container:
        try:
            stream = video_stream(container)
            yield from _pictures(container, stream, transform, clock)
        except (av.error.FFmpegError, BadVideo) as error:
            raise problem_of(source, error) from None
        # A server says of a file how many bytes it has. What has no end was broken off.
        if source.camera or (container.size or 0) <= 0:
            raise LiveProblem(f"{source.name}: the stream ended")


def _pictures(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    transform: FrameTransform,
    clock: Callable[[], float],
) -> Iterator[LivePicture]:
    captured = CaptureClock(clock)
    images = Images(transform, pixel_aspect(stream))
    unit = None if container.format.flags & _NO_TIMES else float(stream.time_base or 1)
    stream_time = 0.0
    for frame in _frames(container, stream):
        try:
            images.add(0, frame)
        except BadVideo as error:
            if error.reason is not Reason.SIZE_CHANGES:
                raise
            # A camera may be set to another size while it sends.
            images = Images(transform, pixel_aspect(stream))
            images.add(0, frame)
        if unit is None:
            stream_time = clock()
        # Without a time of its own a frame keeps that of the one before: the clock's is another.
        elif frame.pts is not None:
            stream_time = frame.pts * unit
        yield LivePicture(stream_time, captured(stream_time), images.pop(0))


def _frames(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.VideoFrame]:
    """The whole frames of a stream. Errors: FFmpegError where no more can be read."""
    for packet in container.demux(stream):
        try:
            frames = stream.codec_context.decode(packet)
        # A packet was lost, or the stream was joined between two key frames: the next one mends it.
        except DECODER_ERRORS:
            continue
        yield from (frame for frame in frames if not frame.is_corrupt)

"""Decodes a video from its first packet to its last, which defines what frame k is.

Every faster way of reading has to give the same frames bit for bit.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import av
import numpy as np

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.container import DECODER_ERRORS, VideoPacket, ffmpeg_message

# Seconds, those of FFmpeg's command (its dts_delta_threshold for the second): a clock that goes
# back by more, or in broadcast formats ahead by more, was set anew.
_BACK, _AHEAD = 0.1, 10.0
_USUAL_FPS = 25  # frames a second, FFmpeg's own for streams that name none
_BROADCAST = 0x0200  # the flag AVFMT_TS_DISCONT, which PyAV types in two ways


def packets_of(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[VideoPacket]:
    """The packets of a stream, in decoding order. Errors: BadVideo (DAMAGED)."""
    try:
        # PyAV adds an empty packet at the end, by which a decoder learns that no more will come. It
        # is left out, as packets are counted, and `decoded` ends the decoder itself.
        yield from (packet for packet in container.demux(stream) if packet.size)
    except DECODER_ERRORS as error:
        message = f"FFmpeg, reading packets: {ffmpeg_message(error)}."
        raise BadVideo(Reason.DAMAGED, message) from error


def frames_of(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Iterable[VideoPacket],
) -> Iterator[av.VideoFrame]:
    """Every frame, in the order in which the decoder gives them, at times of one clock.

    The decoder must be a new one: many go on with what the packets before have set, and flushing
    does not undo that. Errors: BadVideo (DAMAGED).
    """
    return decoded(stream.codec_context, _on_one_clock(container, stream, packets))


def decoded(codec: av.VideoCodecContext, packets: Iterable[VideoPacket]) -> Iterator[av.VideoFrame]:
    """The frames of plain sequential decoding. Errors: BadVideo (DAMAGED)."""
    # A decoder that came to an end of packets takes no more of them until it is flushed.
    if codec.is_open:
        codec.flush_buffers()
    try:
        # The None at the end makes the decoder give the frames that it still holds back.
        for packet in itertools.chain(packets, [None]):
            for frame in codec.decode(packet):
                # FFmpeg paints over what it cannot decode. Such a frame is no picture of the video.
                if frame.is_corrupt:
                    raise BadVideo(Reason.DAMAGED, "FFmpeg marks a frame as corrupt.")
                yield frame
    except BadVideo:  # a ValueError, and so one of DECODER_ERRORS
        raise
    except DECODER_ERRORS as error:
        message = f"FFmpeg, decoding: {ffmpeg_message(error)}."
        raise BadVideo(Reason.DAMAGED, message) from error


def times_of(stream: av.VideoStream, frames: Iterable[av.VideoFrame]) -> np.ndarray:
    """Presentation times of all frames, float64 [count], in seconds, ascending. Errors: BadVideo.

    The decoder's order is right also where times are not, as in an MP4 that was made from an AVI:
    the times that there are belong to the frames in ascending order.
    """
    # Not frame.time: frames that come out at the end of a stream have no time base.
    stamps = [frame.pts for frame in frames]
    if not stamps:
        raise BadVideo(Reason.NO_FRAMES)
    step = 1 / float(stream.average_rate or _USUAL_FPS)
    return _filled(stamps, float(stream.time_base or 1), step)


def _filled(stamps: Sequence[int | None], unit: float, step: float) -> np.ndarray:
    """Ascending times; one that is missing lies between its neighbours, or steps away from one.

    unit: seconds of a clock's tick. step: seconds of a frame.
    """
    stamped = np.flatnonzero([stamp is not None for stamp in stamps])
    places = np.arange(len(stamps))
    if not len(stamped):
        return places * step
    times = np.sort(np.array([s for s in stamps if s is not None], np.float64)) * unit
    inner = np.interp(places, stamped, times)
    # Before the first stamp and behind the last, `interp` repeats the nearest time.
    outside = np.minimum(places - stamped[0], 0) + np.maximum(places - stamped[-1], 0)
    filled: np.ndarray = inner + step * outside
    return filled


def _on_one_clock(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Iterable[VideoPacket],
) -> Iterator[VideoPacket]:
    """Packets, shifted in time from where their clock was set anew: joined files, a new recording.

    They are in decoding order, in which decoding times ascend. A gap of an MP4 or Matroska file is
    kept, however long: such a file may show a picture for minutes, a broadcast does not.
    """
    unit = float(stream.time_base or 1)
    ahead = _AHEAD / unit if container.format.flags & _BROADCAST else math.inf
    step = round(1 / float(stream.average_rate or _USUAL_FPS) / unit)
    # shift: what is added to the times since the clock was last set. end: when the last frame up to
    # here ends, on the one clock. The first frame after a new start begins then.
    shift, previous_dts, end = 0, None, -(1 << 63)
    for packet in packets:
        if packet.dts is not None:
            presented = packet.dts if packet.pts is None else packet.pts
            # Compared by decoding times: those of presentation go back and forth with B frames.
            if previous_dts is not None and not -_BACK / unit <= packet.dts - previous_dts <= ahead:
                shift = end - presented
            previous_dts, end = packet.dts, max(end, presented + shift + step)
            packet.dts += shift
        if packet.pts is not None:
            packet.pts += shift
        yield packet

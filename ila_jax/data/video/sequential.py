"""Decoding a video from its first packet to its last, which defines what frame k is."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import av
import numpy as np

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.container import ERRORS, said

# Seconds, those of FFmpeg's command (its dts_delta_threshold for the second): a clock that goes
# back by more, or in broadcast formats ahead by more, was set anew.
_BACK, _AHEAD = 0.1, 10.0
_USUAL_RATE = 25  # frames a second, FFmpeg's own for streams that name none


def packets_of(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet]:
    """Those that hold something. Errors: BadVideo (DAMAGED)."""
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except ERRORS as error:
        raise BadVideo(Reason.DAMAGED, f"FFmpeg, reading packets: {said(error)}.") from error


def frames_of(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: Iterable[av.Packet],
) -> Iterator[av.VideoFrame]:
    """Every frame, in the order in which the decoder gives them, at times of one clock.

    The decoder must be a new one: many go on with what the packets before have set, and flushing
    does not undo that. Errors: BadVideo (DAMAGED).
    """
    return decoded(stream.codec_context, _on_one_clock(container, stream, packets))


def decoded(codec: av.VideoCodecContext, packets: Iterable[av.Packet]) -> Iterator[av.VideoFrame]:
    """Plain sequential decoding. Errors: BadVideo (DAMAGED)."""
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


def times_of(stream: av.VideoStream, frames: Iterable[av.VideoFrame]) -> np.ndarray:
    """Presentation times of all frames, float64 [count], in seconds, ascending. Errors: BadVideo.

    The decoder's order is right also where times are not, as in an MP4 that was made from an AVI:
    the times that there are belong to the frames in ascending order.
    """
    # Not frame.time: frames that come out at the end of a stream have no time base.
    stamps = [frame.pts for frame in frames]
    if not stamps:
        raise BadVideo(Reason.NO_FRAMES)
    step = 1 / float(stream.average_rate or _USUAL_RATE)
    return _filled(stamps, float(stream.time_base or 1), step)


def _filled(stamps: Sequence[int | None], unit: float, step: float) -> np.ndarray:
    """Ascending times; one that is missing lies between its neighbours, or steps away from one."""
    here = np.flatnonzero([stamp is not None for stamp in stamps])
    places = np.arange(len(stamps))
    if not len(here):
        return places * step
    times = np.sort(np.array([s for s in stamps if s is not None], np.float64)) * unit
    inner = np.interp(places, here, times)
    return inner + step * (np.minimum(places - here[0], 0) + np.maximum(places - here[-1], 0))


def _on_one_clock(
    container: av.container.InputContainer, stream: av.VideoStream, packets: Iterable[av.Packet]
) -> Iterator[av.Packet]:
    """Packets, shifted in time from where their clock was set anew: joined files, a new recording.

    They are in decoding order, in which decoding times ascend. A gap of an MP4 or Matroska file is
    kept, however long: such a file may show a picture for minutes, a broadcast does not.
    """
    unit = float(stream.time_base or 1)
    ahead = _AHEAD / unit if container.format.flags & _BROADCAST else math.inf
    step = round(1 / float(stream.average_rate or _USUAL_RATE) / unit)
    shift, last, end = 0, None, -(1 << 63)  # end: of what is shown up to here
    for packet in packets:
        if packet.dts is not None:
            shown = packet.dts if packet.pts is None else packet.pts
            if last is not None and not -_BACK / unit <= packet.dts - last <= ahead:
                shift = end - shown
            last, end = packet.dts, max(end, shown + shift + step)
            packet.dts += shift
        if packet.pts is not None:
            packet.pts += shift
        yield packet


_BROADCAST = 0x0200  # the flag AVFMT_TS_DISCONT, which PyAV types in two ways

"""Bytes of a video file to the frames that were asked for, with PyAV.

One pass over the container collects the compressed packets and their timestamps. Decoding then
feeds only the packets that the wanted frames need, from memory. Every result is bit-equal to
decoding the whole stream in sequence; where that cannot be had from the packets alone, the whole
stream is decoded in sequence.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from ila_jax.data import limits
from ila_jax.data.bad import BadVideo, Reason, its_fault
from ila_jax.data.containers import HEAD, is_truncated, is_unreferenced, starts_afresh
from ila_jax.data.images import Each, Images
from ila_jax.data.opening import (
    ERRORS,
    decoded,
    decoded_times,
    is_direct,
    open_bytes,
    pixel_aspect,
    said,
    video_stream,
)


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """What one pass over a file finds. It belongs to one thread, and lives as long as its use.

    times: float64 [count], presentation times in seconds, ascending.
    keys: int64, the frames (in presentation order) at which decoding can start.
    direct: whether single frames can be decoded; if not, decoding is sequential from frame 0.
    pixel_aspect: width to height of a pixel, of the frames as they are stored; mostly 1.
    """

    times: np.ndarray
    keys: np.ndarray
    direct: bool
    pixel_aspect: Fraction
    _codec: av.VideoCodecContext = field(repr=False)
    _packets: list[av.Packet] = field(repr=False)
    _packet_of: np.ndarray = field(repr=False)  # int64 [count], frame -> packet in decoding order
    _starts: np.ndarray = field(repr=False)  # int64, packets at which decoding can start

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.times)


@its_fault()
def index_video(data: bytes) -> VideoIndex:
    """Reads every packet of the first video stream, decoding none of them where it can.

    Errors: BadVideo.
    """
    # Closed before its frames are decoded, which takes the packets and the codec alone: open, it
    # and its streams refer to each other, and stay in memory until the garbage collector comes.
    with open_bytes(data) as container:
        return _index(data, container, video_stream(container))


def _index(
    data: bytes, container: av.container.InputContainer, stream: av.VideoStream
) -> VideoIndex:
    try:
        full = (packet for packet in container.demux(stream) if packet.size)
        packets = list(itertools.islice(full, limits.MAX_PACKETS + 1))
    except ERRORS as error:
        raise BadVideo(Reason.DAMAGED, f"FFmpeg, reading packets: {said(error)}.") from error
    limits.check_packets(len(packets))
    head, entries = data[:HEAD], len(stream.index_entries)
    if is_truncated(container.format.name, head, len(data), len(packets), entries):
        raise BadVideo(Reason.DAMAGED, f"Only {len(packets)} frames are in the file.")
    shown = [i for i, p in enumerate(packets) if not p.is_discard]
    if not shown:
        raise BadVideo(Reason.NO_FRAMES)
    times, smallest = [packets[i].pts for i in shown], min(packets[i].size for i in shown)
    if is_direct(container.format.name, stream.codec_context, times, smallest):
        return _direct_index(stream, packets, shown)
    return _sequential_index(stream, packets)


def decode(
    index: VideoIndex, frames: Sequence[int] | np.ndarray, *, each: Each | None = None
) -> np.ndarray:
    """The frames asked for, in the order asked for (repeats allowed): uint8 [T, H, W, 3], RGB.

    They are upright, any display matrix being applied. each: done to every frame, uint8 [H, W, 3],
    with the width of its pixels as a part of their height, as it comes out and once for all its
    repeats: shrinking them so, no more than one is held in its full size.
    Errors: BadVideo; IndexError for a frame that is not there.
    """
    wanted = sorted({int(f) for f in frames})
    if not wanted or wanted[0] < 0 or wanted[-1] >= index.count:
        outside = [f for f in wanted if not 0 <= f < index.count][:3]
        raise IndexError(f"frames {outside}: expected some of 0 to {index.count - 1}")
    images: Images | None = None
    with its_fault():
        if index.direct:
            images = _decode_direct(index, wanted, Images(each, index.pixel_aspect))
        if images is None:
            images = _decode_sequential(index, wanted, Images(each, index.pixel_aspect))
        return np.stack([images[int(f)] for f in frames])


def all_frames(index: VideoIndex) -> Iterator[av.VideoFrame]:
    """Every frame in order, in the file's own pixel format and not turned upright.

    Errors: BadVideo, also after the last frame where there are not `index.count` of them.
    """
    count = 0
    with its_fault():
        for count, frame in enumerate(decoded(index._codec, index._packets), start=1):
            if count > index.count:
                break
            yield frame
        if count != index.count:
            raise BadVideo(Reason.DAMAGED, f"{index.count} frames promised, {count} decode.")


def _direct_index(
    stream: av.VideoStream,
    packets: list[av.Packet],
    shown: list[int],
) -> VideoIndex:
    codec = stream.codec_context
    name, extradata = codec.name, codec.extradata
    times = np.array([packets[i].pts for i in shown], np.int64)
    order = np.argsort(times)
    packet_of = np.array(shown, np.int64)[order]
    # A start must come before all packets after it in presentation, too (a closed group).
    least_after = np.minimum.accumulate(times[::-1])[::-1]
    starts = [
        i
        for n, i in enumerate(shown)
        if packets[i].is_keyframe
        and times[n] == least_after[n]
        and starts_afresh(name, extradata, packets[i])
    ]
    return VideoIndex(
        times=times[order] * float(stream.time_base or 1),
        keys=np.flatnonzero(np.isin(packet_of, starts)),
        direct=True,
        pixel_aspect=pixel_aspect(stream),
        _codec=stream.codec_context,
        _packets=packets,
        _packet_of=packet_of,
        _starts=np.array(starts, np.int64),
    )


def _sequential_index(stream: av.VideoStream, packets: list[av.Packet]) -> VideoIndex:
    """Counts by decoding everything: nothing less is exact for these streams."""
    return VideoIndex(
        times=decoded_times(stream, packets),
        keys=np.zeros(1, np.int64),
        direct=False,
        pixel_aspect=pixel_aspect(stream),
        _codec=stream.codec_context,
        _packets=packets,
        _packet_of=np.arange(0),
        _starts=np.arange(0),
    )


def _decode_sequential(index: VideoIndex, wanted: list[int], images: Images) -> Images:
    keep = set(wanted)
    for k, frame in enumerate(all_frames(index)):
        if k in keep:
            images.add(k, frame)
        if len(images) == len(keep) and not index.direct:
            break  # this stream was decoded to its end for its count
    return images


def _decode_direct(index: VideoIndex, wanted: list[int], images: Images) -> Images | None:
    """Only what the wanted frames need; None where a frame does not come out of that."""
    frame_of = {index._packets[index._packet_of[k]].pts: k for k in wanted}
    try:
        for first, last, needed in _runs(index, wanted):
            packets = _run_packets(index, first, last, needed)
            missing = sum(not p.is_discard for p in packets)
            for frame in _run_frames(index, packets):
                missing -= 1
                if frame.is_corrupt:
                    return None
                if frame.pts in frame_of:
                    images.add(frame_of[frame.pts], frame)
            if missing:  # a frame that others may refer to did not decode
                return None
    except ERRORS:
        return None  # the sequential pass says whether it is the file
    return images if len(images) == len(wanted) else None


def _runs(index: VideoIndex, wanted: list[int]) -> Iterator[tuple[int, int, set[int]]]:
    """(first packet, last packet, packets whose frames are wanted) of each stretch to decode.

    A new stretch begins only where a start lies ahead of the position: never a seek backwards.
    """
    first, last, needed = 0, -1, set[int]()
    for packet in sorted(index._packet_of[wanted].tolist()):
        at = np.searchsorted(index._starts, packet, side="right") - 1
        start = int(index._starts[at]) if at >= 0 else 0
        if start > last:
            if needed:
                yield first, last, needed
            first, needed = start, set()
        needed.add(packet)
        last = packet
    yield first, last, needed


def _run_packets(index: VideoIndex, first: int, last: int, needed: set[int]) -> list[av.Packet]:
    """The packets of a stretch without those that are neither wanted nor referred to."""
    codec = index._codec
    name, extradata = codec.name, codec.extradata
    return [
        packet
        for i, packet in enumerate(index._packets[first : last + 1], start=first)
        if i in needed or not is_unreferenced(name, extradata, packet)
    ]


def _run_frames(index: VideoIndex, packets: list[av.Packet]) -> Iterator[av.VideoFrame]:
    codec = index._codec
    if codec.is_open:
        codec.flush_buffers()
    for packet in [*packets, None]:
        yield from codec.decode(packet)

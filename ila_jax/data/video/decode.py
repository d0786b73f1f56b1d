"""Bytes of a video file to the frames that were asked for, with PyAV.

One pass over the container collects the compressed packets and their timestamps. Decoding then
feeds only the packets that the wanted frames need, from memory. Every result is bit-equal to
decoding the whole stream in sequence; where that cannot be had from the packets alone, the whole
stream is decoded in sequence.
"""

import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason, its_fault
from ila_jax.data.video.container import ERRORS, open_bytes, pixel_aspect, video_stream
from ila_jax.data.video.images import Each, Images
from ila_jax.data.video.sequential import decoded, frames_of, packets_of, times_of
from ila_jax.data.video.survey import Places, Survey


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
    _data: bytes = field(repr=False)  # where not direct
    # Where direct:
    _codec: av.VideoCodecContext | None = field(default=None, repr=False)
    _packets: list[av.Packet] = field(default_factory=list, repr=False)
    _packet_of: np.ndarray = field(default_factory=lambda: np.arange(0), repr=False)
    _starts: np.ndarray = field(default_factory=lambda: np.arange(0), repr=False)
    _spare: list[bool] = field(default_factory=list, repr=False)

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.times)


@its_fault()
def index_video(data: bytes) -> VideoIndex:
    """Reads every packet of the video stream, decoding none of them where it can.

    Errors: BadVideo.
    """
    # Closed before its frames are decoded, which takes the packets and the codec alone: open, it
    # and its streams refer to each other, and stay in memory until the garbage collector comes.
    with open_bytes(data) as container:
        stream = video_stream(container)
        survey, packets = Survey(container, stream), list[av.Packet]()
        if survey.useful:
            packets = list(itertools.islice(packets_of(container, stream), limits.MAX_PACKETS + 1))
            limits.check_packets(len(packets))
            for packet in packets:
                survey.add(packet)
            survey.check_whole(io.BytesIO(data))
        places, codec, aspect = survey.places(), stream.codec_context, pixel_aspect(stream)
    if places is not None:
        return _direct_index(places, aspect, codec, packets)
    return _sequential_index(data, survey)


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
    frames = decoded(index._codec, index._packets) if index._codec else _sequential(index._data)
    with its_fault():
        for count, frame in enumerate(frames, start=1):
            if count > index.count:
                break
            yield frame
        if count != index.count:
            raise BadVideo(Reason.DAMAGED, f"{index.count} frames promised, {count} decode.")


def _direct_index(
    places: Places, aspect: Fraction, codec: av.VideoCodecContext, packets: list[av.Packet]
) -> VideoIndex:
    return VideoIndex(
        times=places.times,
        keys=np.flatnonzero(np.isin(places.packet_of, places.starts)),
        direct=True,
        pixel_aspect=aspect,
        _data=b"",
        _codec=codec,
        _packets=packets,
        _packet_of=places.packet_of,
        _starts=places.starts,
        _spare=places.spare.tolist(),
    )


def _sequential_index(data: bytes, survey: Survey) -> VideoIndex:
    """Counts by decoding everything: nothing less is exact for these streams."""
    with open_bytes(data) as container:
        stream = video_stream(container)
        times = times_of(stream, frames_of(container, stream, packets_of(container, stream)))
        aspect = pixel_aspect(stream)
    survey.check_count(len(times))
    return VideoIndex(
        times=times, keys=np.zeros(1, np.int64), direct=False, pixel_aspect=aspect, _data=data
    )


def _sequential(data: bytes) -> Iterator[av.VideoFrame]:
    """Read anew: a decoder that went through a stream once is no longer as it was."""
    with open_bytes(data) as container:
        stream = video_stream(container)
        yield from frames_of(container, stream, packets_of(container, stream))


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
    return [index._packets[i] for i in range(first, last + 1) if i in needed or not index._spare[i]]


def _run_frames(index: VideoIndex, packets: list[av.Packet]) -> Iterator[av.VideoFrame]:
    codec = index._codec
    assert codec is not None  # it is direct
    if codec.is_open:
        codec.flush_buffers()
    for packet in [*packets, None]:
        yield from codec.decode(packet)

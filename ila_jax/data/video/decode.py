"""Turns the bytes of a video file into the frames asked for, with PyAV.

There are two steps. `index_video` passes over the container once, without decoding: it collects the
compressed packets, and finds out how many frames there are, when each is shown and which packet it
comes from. `decode` then feeds the decoder only those packets that the chosen frames need.

Every result is bit-equal to decoding the whole stream in sequence. Where the packets alone do not
allow this, the whole stream is decoded in sequence: once to count its frames, and again up to the
last chosen one.

A frame is what the result holds, and a decoder gives one for each packet that is to be shown. Its
number is its place in presentation order. A picture is what H.264 and its like call the coded image
in a packet, to which those of other packets may refer.
"""

import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo, Reason, errors_as_bad_video
from ila_jax.data.video.container import (
    DECODER_ERRORS,
    VideoPacket,
    open_bytes,
    pixel_aspect,
    video_stream,
)
from ila_jax.data.video.images import FrameTransform, Images
from ila_jax.data.video.sequential import decoded, frames_of, packets_of, times_of
from ila_jax.data.video.survey import FramePlaces, Survey


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """Which frames a video has. Not thread-safe: it holds a decoder.

    times: float64 [count], presentation times in seconds, ascending.
    keys: int64, the numbers of the frames at which decoding can start.
    direct: whether single frames can be decoded; if not, decoding is sequential from frame 0.
    pixel_aspect: pixel width / height in the stored frames, usually 1.

    Frames are numbered in presentation order, packets in decoding order. The private fields hold
    what decoding needs:

    _data: the file's bytes, for sequential decoding; empty in a direct index.
    _codec: the decoder, and _packets all packets; None and empty in a sequential index.
    _packet_of: int64 [count], the number of the packet that holds each frame.
    _starts: int64 [starts], ascending, the numbers of the packets at which decoding can start.
    _disposable: [packets], whether a packet's picture is one that no other refers to.
    """

    times: np.ndarray
    keys: np.ndarray
    direct: bool
    pixel_aspect: Fraction
    _data: bytes = field(repr=False)
    _codec: av.VideoCodecContext | None = field(default=None, repr=False)
    _packets: list[VideoPacket] = field(default_factory=list, repr=False)
    _packet_of: np.ndarray = field(default_factory=lambda: np.arange(0), repr=False)
    _starts: np.ndarray = field(default_factory=lambda: np.arange(0), repr=False)
    _disposable: list[bool] = field(default_factory=list, repr=False)

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.times)


@errors_as_bad_video()
def index_video(data: bytes) -> VideoIndex:
    """The index of an encoded video, made by reading all of its packets.

    None of them is decoded where that can be avoided. Errors: BadVideo.
    """
    # The container is closed before frames are decoded, which needs only the packets and the codec.
    # While it is open, it and its streams refer to each other, and would stay in memory until the
    # garbage collector comes.
    with open_bytes(data) as container:
        stream = video_stream(container)
        survey, packets = Survey(container, stream), list[VideoPacket]()
        if survey.can_index:
            # One packet over the limit is enough to know: a file of a million empty packets is not
            # read to its end.
            packets = list(itertools.islice(packets_of(container, stream), limits.MAX_PACKETS + 1))
            limits.check_packets(len(packets))
            for packet in packets:
                survey.add(packet)
            # Before the frames are counted by decoding: a cut file would be decoded for nothing.
            survey.check_whole(io.BytesIO(data))
        places = survey.frame_places()
        codec = stream.codec_context
        aspect = pixel_aspect(stream)
    if places is not None:
        return _direct_index(places, aspect, codec, packets)
    return _sequential_index(data, survey)


def decode(
    index: VideoIndex,
    frames: Sequence[int] | np.ndarray,
    *,
    transform: FrameTransform | None = None,
) -> np.ndarray:
    """The frames of these numbers, in this order (repeats allowed): uint8 [T, H, W, 3], RGB.

    They are upright: the file's rotation is applied.
    transform: transform(frame, pixel_aspect) is called once for each distinct frame, uint8
    [H, W, 3], as soon as it is decoded, and returns what is kept of it. If it shrinks the frames,
    no more than one is held in its full size.
    Errors: BadVideo; IndexError for a frame that the video does not have, or when no frame is asked
    for.
    """
    wanted = sorted({int(f) for f in frames})
    if not wanted or wanted[0] < 0 or wanted[-1] >= index.count:
        outside = [f for f in wanted if not 0 <= f < index.count][:3]
        raise IndexError(f"frames {outside}: expected some of 0 to {index.count - 1}")
    images: Images | None = None
    with errors_as_bad_video():
        if index.direct:
            images = _decode_direct(index, wanted, Images(transform, index.pixel_aspect))
        # Damage shows itself in many ways where packets are omitted. The sequential pass decides
        # whether the file is bad, so that every way of reading it says the same.
        if images is None:
            images = _decode_sequential(index, wanted, Images(transform, index.pixel_aspect))
        return np.stack([images[int(f)] for f in frames])


def all_frames(index: VideoIndex) -> Iterator[av.VideoFrame]:
    """Every frame in order, in the file's own pixel format and not turned upright.

    Errors: BadVideo, also at the end, if the number of frames differs from `index.count`.
    """
    count = 0
    # A direct index keeps one decoder for all passes. That is safe: `decoded` flushes it first, and
    # `Survey` makes a direct index only of streams that begin at a start and whose settings never
    # change, so that nothing from an earlier pass counts. A sequential stream gets a new decoder.
    frames = decoded(index._codec, index._packets) if index._codec else _sequential(index._data)
    with errors_as_bad_video():
        for count, frame in enumerate(frames, start=1):
            if count > index.count:  # one too many is an error as well, below
                break
            yield frame
        if count != index.count:
            raise BadVideo(Reason.DAMAGED, f"{index.count} frames promised, {count} decode.")


def _direct_index(
    places: FramePlaces, aspect: Fraction, codec: av.VideoCodecContext, packets: list[VideoPacket]
) -> VideoIndex:
    return VideoIndex(
        times=places.times,
        keys=np.flatnonzero(np.isin(places.packet_of, places.starts)),
        direct=True,
        pixel_aspect=aspect,
        _data=b"",  # the packets hold the same bytes
        _codec=codec,
        _packets=packets,
        _packet_of=places.packet_of,
        _starts=places.starts,
        _disposable=places.disposable.tolist(),
    )


def _sequential_index(data: bytes, survey: Survey) -> VideoIndex:
    """Counts the frames by decoding everything.

    It is for streams whose packets do not tell which frames there are: `Survey.frame_places` gave
    None.
    """
    with open_bytes(data) as container:
        stream = video_stream(container)
        times = times_of(stream, frames_of(container, stream, packets_of(container, stream)))
        aspect = pixel_aspect(stream)
    survey.check_count(len(times))
    return VideoIndex(
        times=times, keys=np.zeros(1, np.int64), direct=False, pixel_aspect=aspect, _data=data
    )


def _sequential(data: bytes) -> Iterator[av.VideoFrame]:
    """Every frame of a file, which is opened anew.

    The decoder that counted the frames keeps state from the first pass (see `frames_of`).
    """
    with open_bytes(data) as container:
        stream = video_stream(container)
        yield from frames_of(container, stream, packets_of(container, stream))


def _decode_sequential(index: VideoIndex, wanted: list[int], images: Images) -> Images:
    kept = set(wanted)
    for k, frame in enumerate(all_frames(index)):
        if k in kept:
            images.add(k, frame)
        # A sequential index has decoded the stream to its end for the count, without an error.
        # Where decoding directly has failed, the rest may be damaged, and is decoded to find out.
        if len(images) == len(kept) and not index.direct:
            break
    return images


def _decode_direct(index: VideoIndex, wanted: list[int], images: Images) -> Images | None:
    """Decodes only what the wanted frames need; None if one of them cannot be decoded this way."""
    # A decoder gives frames later than their packets, and in another order. The time tells which
    # frame it is: `Survey` has made sure that no two frames have the same one.
    frame_of = {index._packets[index._packet_of[k]].pts: k for k in wanted}
    try:
        for first, last, needed in _stretches(index, wanted):
            packets = _stretch_packets(index, first, last, needed)
            # Packets that an edit list hides are decoded as well, and give no frame.
            missing = sum(not packet.is_discard for packet in packets)
            for frame in _stretch_frames(index, packets):
                missing -= 1
                if frame.is_corrupt:
                    return None
                if frame.pts in frame_of:
                    images.add(frame_of[frame.pts], frame)
            if missing:  # a frame that others may refer to did not decode
                return None
    except DECODER_ERRORS:
        return None
    return images if len(images) == len(wanted) else None


def _stretches(index: VideoIndex, wanted: list[int]) -> Iterator[tuple[int, int, set[int]]]:
    """The (first packet, last packet, packets of wanted frames) of each stretch to decode.

    A new stretch begins only where decoding can start after the last packet of the one before. No
    packet is decoded twice, and nothing is decoded between two stretches.
    """
    first, last, needed = 0, -1, set[int]()
    # In decoding order, which is not that of the frames: a later frame's packet may come first.
    for packet in sorted(index._packet_of[wanted].tolist()):
        # Packets before the first start are decoded from packet 0, where a direct file can always
        # be entered.
        place = np.searchsorted(index._starts, packet, side="right") - 1
        start = int(index._starts[place]) if place >= 0 else 0
        if start > last:
            if needed:
                yield first, last, needed
            first, needed = start, set()
        needed.add(packet)
        last = packet
    yield first, last, needed


def _stretch_packets(
    index: VideoIndex, first: int, last: int, needed: set[int]
) -> list[VideoPacket]:
    """The packets of a stretch, without those that are neither wanted nor referred to by others."""
    disposable = index._disposable
    return [index._packets[i] for i in range(first, last + 1) if i in needed or not disposable[i]]


def _stretch_frames(index: VideoIndex, packets: list[VideoPacket]) -> Iterator[av.VideoFrame]:
    codec = index._codec
    assert codec is not None  # a direct index always has a codec
    # Drops leftover pictures and the end-of-stream state of the previous stretch.
    if codec.is_open:
        codec.flush_buffers()
    # The None at the end makes the decoder give the frames that it still holds back.
    for packet in [*packets, None]:
        yield from codec.decode(packet)

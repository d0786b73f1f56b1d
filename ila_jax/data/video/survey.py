"""Learns from one pass over the packets of a video how many frames it has, where, and when.

Nothing is decoded here. Decoding everything takes much longer, and is needed only where the packets
leave something open: then a survey says that it does not know, and never guesses.
"""

from array import array
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.container import VideoPacket
from ila_jax.data.video.container_bytes import is_truncated
from ila_jax.data.video.picture_order import (
    CountUnknown,
    OrderReader,
    OrderUnknown,
    order_reader,
)

# Containers that say how much they hold, and of which a packet is a frame with the time at which it
# is shown.
_CONTAINERS = ("mov", "matroska", "avi")
# An MPEG-4 packet may say "as before" and give no frame. It is of a few bytes. So that it is not
# taken for a frame, a stream with packets as small as this is decoded in sequence, even where they
# are real frames.
_EMPTY_VOP = 16
_SHOWN, _START, _DISPOSABLE = 1, 2, 4  # flags of a packet, the last two as of `PictureOrder`


class Survey:
    """Given each packet in turn, it knows of each frame its packet and its time, if that is sure.

    can_index: whether the packets of this container can tell the frames; if not, a pass over them
    is in vain.
    A survey holds 24 bytes for each packet.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        """container, stream: they are open as long as packets are added."""
        self._container, self._stream = container, stream
        self._packets = self._shown_packets = 0
        # Of each packet its time, its picture's order, and flags. A list of Python's integers would
        # take several times the memory, for a video of hours.
        self._rows = array("q")
        self._smallest = _EMPTY_VOP + 1 if stream.codec_context.name == "mpeg4" else 0
        # The two things that can turn out to be unknown: whether each packet gives one frame, and,
        # where the reader is None, in which order the frames are shown.
        self._packets_are_frames = True
        self.can_index = container.format.name.startswith(_CONTAINERS)
        self._read_order = self._order_reader() if self.can_index else None

    def _order_reader(self) -> OrderReader | None:
        """The reader for this stream; None where its packets do not tell the order."""
        codec = self._stream.codec_context
        # AVI stores no times of presentation, and with B frames they are not those of decoding.
        if self._container.format.name == "avi" and codec.has_b_frames:
            return None
        try:
            return order_reader(codec)
        except (ValueError, LookupError):
            return None

    def add(self, packet: VideoPacket) -> None:
        """Takes the next packet, in decoding order."""
        self._packets += 1
        self._shown_packets += not packet.is_discard
        if packet.size < self._smallest:
            self._packets_are_frames, self._read_order = False, None
        # Once the order is lost nothing brings it back. The packets are still counted, so that a
        # file that is cut off is recognised.
        if self._read_order is None:
            return
        try:
            order, is_start, is_disposable = self._read_order(packet)
            # New settings beside a packet would be lacking to a decoder that starts after it.
            if next(packet.iter_sidedata(), None) and packet.has_sidedata("new_extradata"):
                raise OrderUnknown("the settings change")
            if packet.pts is None:
                raise CountUnknown("a packet without a time")
        except (ValueError, LookupError) as error:
            self._packets_are_frames, self._read_order = not isinstance(error, CountUnknown), None
            return
        flags = (not packet.is_discard) * _SHOWN + is_disposable * _DISPOSABLE
        # The packet's bits and the container's list of key frames have to agree.
        flags += (is_start and packet.is_keyframe) * _START
        self._rows.extend((packet.pts, order, flags))

    def check_whole(self, file: BinaryIO) -> None:
        """After the last packet. Errors: BadVideo where the file itself says that it is cut off."""
        entries = len(self._stream.index_entries)
        if is_truncated(self._container.format.name, file, self._packets, entries):
            raise BadVideo(Reason.DAMAGED, f"Only {self._packets} frames are in the file.")

    def check_count(self, frames: int) -> None:
        """Compares the number of frames that decode with that of packets, where these promise it.

        It is for streams that had to be decoded. Errors: BadVideo if frames are lost.
        """
        # A stream that begins within a group of pictures gives fewer frames than packets undamaged.
        begins = len(self._rows) and self._rows[2] & _START
        if begins and self._packets_are_frames and frames != self._shown_packets:
            raise BadVideo(
                Reason.DAMAGED, f"{self._shown_packets} frames promised, {frames} decode."
            )

    def frame_places(self) -> "FramePlaces | None":
        """After the last packet; None where decoding everything in sequence has to tell."""
        times, orders, flags = np.array(self._rows, np.int64).reshape(-1, 3).T
        is_shown, is_start = flags & _SHOWN > 0, flags & _START > 0
        if self._read_order is None or not is_shown.any() or not is_start[0]:
            return None
        by_order = np.argsort(orders)
        # How many packets late a picture comes. A decoder that is set to wait for fewer drops some:
        # then not even their number is that of the packets.
        delays = np.arange(len(orders)) - np.argsort(by_order)
        if delays.max() > self._stream.codec_context.reorder_depth:
            self._packets_are_frames = False
            return None
        packet_of = by_order[is_shown[by_order]]
        # The times are believed only if they ascend in the order of the pictures. An MP4 made from
        # an AVI has times in decoding order, and by them frames would come as 0 2 1 5 3 4.
        if np.any(np.diff(times[packet_of]) <= 0):
            return None
        return FramePlaces(
            times=times[packet_of] * float(self._stream.time_base or 1),
            packet_of=packet_of,
            starts=_starts(times, np.flatnonzero(is_shown), is_start),
            disposable=flags & _DISPOSABLE > 0,
        )


def _starts(times: np.ndarray, shown: np.ndarray, is_start: np.ndarray) -> np.ndarray:
    """The packets that come before all later ones in presentation, too (a closed group).

    times: int64 [packets], the presentation time of each. is_start: bool [packets]. shown: int64,
    ascending, the numbers of the packets that are shown.
    """
    least_from_here = np.minimum.accumulate(times[shown][::-1])[::-1]
    starts: np.ndarray = shown[is_start[shown] & (times[shown] == least_from_here)]
    return starts


@dataclass(frozen=True, eq=False)
class FramePlaces:
    """In which packets the frames of a file are. Packets are numbered in decoding order.

    times: float64 [count], presentation times in seconds, ascending.
    packet_of: int64 [count], the packet of each frame.
    starts: int64, ascending, the packets at which decoding can start.
    disposable: bool for each packet, whether no other picture refers to its picture.
    """

    times: np.ndarray
    packet_of: np.ndarray
    starts: np.ndarray
    disposable: np.ndarray

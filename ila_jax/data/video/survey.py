"""What one pass over the packets of a video tells: how many frames, which, and when."""

from array import array
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np

from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.container_bytes import is_truncated
from ila_jax.data.video.picture_order import NotEach, Reader, Unknown, reader

# Containers that say how much they hold, and of which a packet is a frame with the time at which it
# is shown.
_CONTAINERS = ("mov", "matroska", "avi")
# An MPEG-4 packet may say "as before" and give no frame; it is of a few bytes, and so it is not
# taken for a frame unseen. Small real frames pay with sequential decoding.
_EMPTY_VOP = 16
_SHOWN, _AFRESH, _SPARE = 1, 2, 4  # flags, the last two of `Picture`


class Survey:
    """Told of each packet in turn, it knows of each frame whose packet and when, if that is sure.

    useful: whether it is worth the pass: there is something to know. It holds 24 bytes a packet.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        self._container, self._stream = container, stream
        self._count = self._shown = 0
        self._rows = array("q")  # of each packet its time, its picture's order, and flags
        self._smallest = _EMPTY_VOP + 1 if stream.codec_context.name == "mpeg4" else 0
        self._each = True
        self.useful = container.format.name.startswith(_CONTAINERS)
        self._read = self._reader() if self.useful else None

    def _reader(self) -> Reader | None:
        """None where packets do not tell."""
        codec = self._stream.codec_context
        if self._container.format.name == "avi" and codec.has_b_frames:  # it stores no such times
            return None
        try:
            return reader(codec)
        except (ValueError, LookupError):
            return None

    def add(self, packet: av.Packet) -> None:
        """The next one, in decoding order."""
        self._count += 1
        self._shown += not packet.is_discard
        if packet.size < self._smallest:
            self._each, self._read = False, None
        if self._read is None:
            return
        try:
            order, afresh, spare = self._read(packet)
            # Settings beside a packet would be lacking to a decoder that starts after it.
            if next(packet.iter_sidedata(), None) and packet.has_sidedata("new_extradata"):
                raise Unknown("the settings change")
            if packet.pts is None:
                raise NotEach("a packet without a time")
        except (ValueError, LookupError) as error:
            self._each, self._read = not isinstance(error, NotEach), None
            return
        flags = (not packet.is_discard) * _SHOWN + spare * _SPARE
        flags += (afresh and packet.is_keyframe) * _AFRESH
        self._rows.extend((packet.pts, order, flags))

    def check_whole(self, file: BinaryIO) -> None:
        """After the last packet. Errors: BadVideo where the file itself says that it is cut off."""
        entries = len(self._stream.index_entries)
        if is_truncated(self._container.format.name, file, self._count, entries):
            raise BadVideo(Reason.DAMAGED, f"Only {self._count} frames are in the file.")

    def check_count(self, frames: int) -> None:
        """Of all that decode, where `places` does not tell. Errors: BadVideo if some are lost."""
        begins = len(self._rows) and self._rows[2] & _AFRESH
        if begins and self._each and frames != self._shown:
            raise BadVideo(Reason.DAMAGED, f"{self._shown} frames promised, {frames} decode.")

    def places(self) -> "Places | None":
        """After the last packet; None where decoding everything in sequence has to tell."""
        times, orders, flags = np.array(self._rows, np.int64).reshape(-1, 3).T
        shown, afresh = flags & _SHOWN > 0, flags & _AFRESH > 0
        if self._read is None or not shown.any() or not afresh[0]:
            return None
        by_order = np.argsort(orders)
        # How many packets late a picture comes. A decoder that waits for fewer drops some.
        late = np.arange(len(orders)) - np.argsort(by_order)
        if late.max() > self._stream.codec_context.reorder_depth:
            self._each = False
            return None
        packet_of = by_order[shown[by_order]]
        if np.any(np.diff(times[packet_of]) <= 0):
            return None
        return Places(
            times=times[packet_of] * float(self._stream.time_base or 1),
            packet_of=packet_of,
            starts=_starts(times, np.flatnonzero(shown), afresh),
            spare=flags & _SPARE > 0,
        )


def _starts(times: np.ndarray, shown: np.ndarray, afresh: np.ndarray) -> np.ndarray:
    """Packets that come before all after them in presentation, too (a closed group)."""
    least_after = np.minimum.accumulate(times[shown][::-1])[::-1]
    return shown[afresh[shown] & (times[shown] == least_after)]


@dataclass(frozen=True, eq=False)
class Places:
    """Where frames are in a file. packets: numbers in decoding order.

    times: float64 [count], presentation times in seconds, ascending.
    packet_of: int64 [count], the packet of each frame.
    starts: int64, ascending, packets at which decoding can start.
    spare: bool for each packet, whether no other frame refers to its.
    """

    times: np.ndarray
    packet_of: np.ndarray
    starts: np.ndarray
    spare: np.ndarray

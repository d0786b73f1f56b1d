"""Reads the headers of H.264 and HEVC streams, as far as the order of pictures depends on them.

Units, parameter sets and slice headers: ISO/IEC 14496-10 and 23008-2, 7.3; how they are stored in
MP4 and Matroska: ISO/IEC 14496-15, 5.3 and 8.3. Fields that nothing here depends on are skipped,
but each has to be passed: what follows stands at no fixed place.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Bits:
    """Reads the bits of a unit one after the other. Errors: ValueError past the end."""

    def __init__(self, data: bytes) -> None:
        # Without the bytes that only keep start codes out of the data. A 1 in front keeps zeros.
        data = b"\1" + data.replace(b"\0\0\3", b"\0\0")
        # A text of 0 and 1: `str.index` finds the end of a variable-length integer faster than a
        # loop of Python over bits would.
        self._text, self._next = f"{int.from_bytes(data, 'big'):b}", 1

    def number(self, bits: int) -> int:
        """u(n): an unsigned integer of `bits` bits."""
        start, self._next = self._next, self._next + bits
        return int(self._text[start : self._next], 2) if bits else 0

    def golomb(self) -> int:
        """ue(v): an unsigned integer, which takes the more bits the larger it is."""
        # The zeros before the first 1 are as many as the bits that follow it.
        one = self._text.index("1", self._next)
        start, self._next = one, 2 * one - self._next + 1
        return int(self._text[start : self._next], 2) - 1

    @property
    def position(self) -> int:
        """The number of bits that were read, without the bytes that keep start codes out."""
        return self._next - 1

    def skip(self, bits: int) -> None:
        """Passes over `bits` bits."""
        self._next += bits

    def skip_golomb(self, count: int) -> None:
        """Passes over `count` ue(v), in a third of the time that reading them takes."""
        for _ in range(count):
            self._next = 2 * self._text.index("1", self._next) - self._next + 1


class SequenceSet(NamedTuple):
    """What slice headers need of a sequence parameter set.

    frame_bits: bits of a slice's frame number. order_bits: bits of its picture order count.
    frames_only: whether no picture is a field. separate_planes: whether the three colour planes are
    coded as pictures of their own. has_order: whether slices tell the order at all.
    """

    frame_bits: int
    order_bits: int
    frames_only: bool
    separate_planes: bool
    has_order: bool


def nal_units(data: bytes, prefix: int) -> Iterator[bytes]:
    """The units of a packet. prefix: bytes that hold a unit's length; 0 for start codes."""
    if not prefix:
        yield from _between_start_codes(data)
        return
    end = 0
    while (start := end + prefix) < len(data):
        end = start + int.from_bytes(data[end:start], "big")
        if end > start:
            yield data[start:end]


def _between_start_codes(data: bytes) -> Iterator[bytes]:
    start = data.find(b"\0\0\1")
    while start >= 0:
        next_start = data.find(b"\0\0\1", start + 3)
        # Zeros at the end belong to no unit: a start code may have more of them in front.
        if unit := data[start + 3 : next_start if next_start >= 0 else None].rstrip(b"\0"):
            yield unit
        start = next_start


def stored_sets(codec: str, extradata: bytes) -> tuple[int, list[bytes]]:
    """The parameter sets in front of a stream: (bytes of a unit's length in its packets, sets).

    codec: h264 or hevc. extradata: an avcC or hvcC box, or units between start codes.
    """
    if not extradata or extradata[0] != 1:  # a 0 of a start code
        return 0, list(_between_start_codes(extradata))
    sets, offset = [], 5 if codec == "h264" else 23
    length_place = 4 if codec == "h264" else 21
    for group in range(2 if codec == "h264" else extradata[22]):
        if codec == "h264":
            # Sequence sets, whose count shares its byte with three reserved bits, then picture
            # sets.
            count, offset = extradata[offset] & (31 if group == 0 else 255), offset + 1
        else:
            count, offset = int.from_bytes(extradata[offset + 1 : offset + 3], "big"), offset + 3
        for _ in range(count):
            size = int.from_bytes(extradata[offset : offset + 2], "big")
            sets.append(extradata[offset + 2 : offset + 2 + size].rstrip(b"\0"))
            offset += 2 + size
    return (extradata[length_place] & 3) + 1, sets


# Profiles whose sets describe the chroma and may hold scaling matrices (14496-10, 7.3.2.1.1).
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def h264_sequence(unit: bytes) -> tuple[int, SequenceSet]:
    """The number of a sequence parameter set, and what it says (14496-10, 7.3.2.1.1)."""
    bits = Bits(unit[1:])
    profile = bits.number(8)
    bits.skip(16)  # constraints, level
    number = bits.golomb()
    separate_planes = _h264_chroma(bits) if profile in _HIGH else False
    frame_bits = bits.golomb() + 4
    order_type = bits.golomb()  # 2: pictures are shown as they are decoded
    order_bits = bits.golomb() + 4 if order_type == 0 else 0
    if order_type == 1:
        raise ValueError("an order by cycles, which nobody uses")
    bits.golomb()  # reference frames
    bits.skip(1)
    bits.skip_golomb(2)  # width, height
    frames_only = bool(bits.number(1))
    return number, SequenceSet(
        frame_bits, order_bits, frames_only, separate_planes, has_order=order_type == 0
    )


def _h264_chroma(bits: Bits) -> bool:
    """Passes over the fields of a high profile; whether planes are coded as three pictures."""
    chroma = bits.golomb()  # 3: 4:4:4
    separate_planes = chroma == 3 and bool(bits.number(1))
    bits.skip_golomb(2)  # bits of luma and chroma
    bits.skip(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.number(1):
        # Six matrices of 4 x 4, then those of 8 x 8: two, or six where colour has full resolution.
        for i in range(12 if chroma == 3 else 8):
            if bits.number(1):
                _skip_scaling(bits, 16 if i < 6 else 64)
    return separate_planes


def _skip_scaling(bits: Bits, size: int) -> None:
    """Passes over a scaling matrix (7.3.2.1.1.1): differences, which end where one leads to 0."""
    last = 8
    for _ in range(size):
        code = bits.golomb()
        last = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
        if last == 0:
            return


def h264_picture(unit: bytes) -> tuple[int, int]:
    """The number of a picture parameter set, and that of its sequence parameter set."""
    bits = Bits(unit[1:9])  # two numbers below 256 and 32, of 17 and 9 bits at most
    return bits.golomb(), bits.golomb()


def hevc_sequence(unit: bytes) -> tuple[int, SequenceSet]:
    """The number of a sequence parameter set, and what it says (23008-2, 7.3.2.2)."""
    bits = Bits(unit[2:])
    bits.skip(4)  # the number of a video parameter set
    layers = bits.number(3)
    bits.skip(1 + 96)  # nesting; profile and level
    # profile_tier_level (7.3.3): for each layer whether its profile and its level follow, in bits
    # that are padded to eight layers wherever there is one.
    flags = [(bits.number(1), bits.number(1)) for _ in range(layers)]
    bits.skip(2 * (8 - layers) if layers else 0)
    bits.skip(sum(88 * profile + 8 * level for profile, level in flags))
    number = bits.golomb()
    separate_planes = bits.golomb() == 3 and bool(bits.number(1))
    bits.skip_golomb(2)  # width, height
    if bits.number(1):
        bits.skip_golomb(4)  # the window that is shown
    bits.skip_golomb(2)  # bits of luma and chroma
    order_bits = bits.golomb() + 4
    return number, SequenceSet(0, order_bits, True, separate_planes, has_order=True)


def hevc_picture(unit: bytes) -> tuple[int, int, int]:
    """The number of a picture parameter set, that of its sequence set, and extra bits of slices.

    Errors: ValueError where the slices do not give the order.
    """
    bits = Bits(unit[2:18])
    number, sequence = bits.golomb(), bits.golomb()
    bits.skip(1)  # dependent_slice_segments_enabled_flag
    if bits.number(1):
        raise ValueError("slices tell whether a picture is shown at all")
    return number, sequence, bits.number(3)

"""Headers of H.264 and HEVC streams, read as far as the order of pictures depends on them.

Units, parameter sets and slice headers: ISO/IEC 14496-10 and 23008-2, 7.3; how they are stored in
MP4 and Matroska: ISO/IEC 14496-15, 5.3 and 8.3.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Bits:
    """Reads bit after bit. Errors: ValueError past the end."""

    def __init__(self, data: bytes) -> None:
        # Without the bytes that only keep start codes out of the data. A 1 in front keeps zeros.
        data = b"\1" + data.replace(b"\0\0\3", b"\0\0")
        self._text, self._at = f"{int.from_bytes(data, 'big'):b}", 1

    def number(self, bits: int) -> int:
        """u(n): an unsigned integer of so many bits."""
        start, self._at = self._at, self._at + bits
        return int(self._text[start : self._at], 2) if bits else 0

    def golomb(self) -> int:
        """ue(v): an unsigned integer, the larger the longer."""
        one = self._text.index("1", self._at)
        start, self._at = one, 2 * one - self._at + 1
        return int(self._text[start : self._at], 2) - 1

    @property
    def at(self) -> int:
        """How many were read."""
        return self._at - 1

    def skip(self, bits: int) -> None:
        self._at += bits

    def skip_golomb(self, count: int) -> None:
        """So many of them, in a third of the time that reading them takes."""
        for _ in range(count):
            self._at = 2 * self._text.index("1", self._at) - self._at + 1


class Sequence(NamedTuple):
    """Of a sequence parameter set: widths in bits; ordered: whether slices tell the order."""

    frame_bits: int
    order_bits: int
    frames_only: bool
    planes: bool
    ordered: bool


def units(data: bytes, prefix: int) -> Iterator[bytes]:
    """The units of a packet. prefix: bytes that tell a unit's length; 0 for start codes."""
    if not prefix:
        yield from _between_start_codes(data)
        return
    at = 0
    while (start := at + prefix) < len(data):
        at = start + int.from_bytes(data[at:start], "big")
        if at > start:
            yield data[start:at]


def _between_start_codes(data: bytes) -> Iterator[bytes]:
    at = data.find(b"\0\0\1")
    while at >= 0:
        after = data.find(b"\0\0\1", at + 3)
        if unit := data[at + 3 : after if after >= 0 else None].rstrip(b"\0"):
            yield unit
        at = after


def stored_sets(codec: str, extradata: bytes) -> tuple[int, list[bytes]]:
    """What stands in front of a stream: (bytes of a unit's length, its parameter sets)."""
    if not extradata or extradata[0] != 1:  # a 0 of a start code
        return 0, list(_between_start_codes(extradata))
    sets, at = [], 5 if codec == "h264" else 23
    place = 4 if codec == "h264" else 21
    for group in range(2 if codec == "h264" else extradata[22]):
        if codec == "h264":
            count, at = extradata[at] & (31 if group == 0 else 255), at + 1
        else:
            count, at = int.from_bytes(extradata[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            sets.append(extradata[at + 2 : at + 2 + size].rstrip(b"\0"))
            at += 2 + size
    return (extradata[place] & 3) + 1, sets


# Profiles whose sets describe the chroma and may hold scaling matrices (14496-10, 7.3.2.1.1).
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def h264_sequence(unit: bytes) -> tuple[int, Sequence]:
    """(number, what it says) of a sequence parameter set."""
    bits = Bits(unit[1:])
    profile = bits.number(8)
    bits.skip(16)
    number = bits.golomb()
    planes = _h264_chroma(bits) if profile in _HIGH else False
    frame_bits = bits.golomb() + 4
    kind = bits.golomb()  # 2: pictures are shown as they are decoded
    order_bits = bits.golomb() + 4 if kind == 0 else 0
    if kind == 1:
        raise ValueError("an order by cycles, which nobody uses")
    bits.golomb()  # reference frames
    bits.skip(1)
    bits.skip_golomb(2)  # width, height
    return number, Sequence(frame_bits, order_bits, bool(bits.number(1)), planes, kind == 0)


def _h264_chroma(bits: Bits) -> bool:
    """Over the fields of a high profile; whether planes are coded as three pictures."""
    chroma = bits.golomb()
    planes = chroma == 3 and bool(bits.number(1))
    bits.skip_golomb(2)  # bits of luma and chroma
    bits.skip(1)
    if bits.number(1):
        for i in range(12 if chroma == 3 else 8):
            if bits.number(1):
                _skip_scaling(bits, 16 if i < 6 else 64)
    return planes


def _skip_scaling(bits: Bits, size: int) -> None:
    """7.3.2.1.1.1: differences, which end where one leads to 0."""
    last = 8
    for _ in range(size):
        code = bits.golomb()
        last = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
        if last == 0:
            return


def h264_picture(unit: bytes) -> tuple[int, int]:
    """(number, that of its sequence parameter set) of a picture parameter set."""
    bits = Bits(unit[1:9])
    return bits.golomb(), bits.golomb()


def hevc_sequence(unit: bytes) -> tuple[int, Sequence]:
    """(number, what it says) of a sequence parameter set."""
    bits = Bits(unit[2:])
    bits.skip(4)
    layers = bits.number(3)
    bits.skip(1 + 96)  # nesting; profile and level
    flags = [(bits.number(1), bits.number(1)) for _ in range(layers)]
    bits.skip(2 * (8 - layers) if layers else 0)
    bits.skip(sum(88 * profile + 8 * level for profile, level in flags))
    number = bits.golomb()
    planes = bits.golomb() == 3 and bool(bits.number(1))
    bits.skip_golomb(2)  # width, height
    if bits.number(1):
        bits.skip_golomb(4)  # the window that is shown
    bits.skip_golomb(2)  # bits of luma and chroma
    return number, Sequence(0, bits.golomb() + 4, True, planes, True)


def hevc_picture(unit: bytes) -> tuple[int, int, int]:
    """(number, that of its sequence, extra bits of slice headers) of a picture parameter set."""
    bits = Bits(unit[2:18])
    number, sequence = bits.golomb(), bits.golomb()
    bits.skip(1)
    if bits.number(1):
        raise ValueError("slices tell whether a picture is shown at all")
    return number, sequence, bits.number(3)

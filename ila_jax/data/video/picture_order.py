"""In which order a decoder gives pictures, from the bits of their packets alone.

Times of packets do not tell: an MP4 made from an AVI counts them as they are decoded, and so do
others. Where it cannot be told for certain, or a decoder that starts in the middle would lack what
came before, the readers here raise an error: then decoding everything in sequence tells.
"""

from collections.abc import Callable
from typing import Protocol

from av import Packet, VideoCodecContext

from ila_jax.data.video.headers import (
    Bits,
    Sequence,
    h264_picture,
    h264_sequence,
    hevc_picture,
    hevc_sequence,
    stored_sets,
    units,
)


class Unknown(ValueError):
    """The order cannot be told, or settings change within the stream."""


class NotEach(Unknown):
    """Nor is it told that each packet gives one picture that is shown."""


# Of a packet: the order, ascending as pictures are shown; afresh, whether decoding from it on needs
# nothing that came before; spare, whether no other picture refers to it. A plain tuple, as there is
# one for each packet of every video that is loaded.
Picture = tuple[int, bool, bool]


class Reader(Protocol):
    """Reads packets as they follow each other. Errors: ValueError or LookupError if unknown."""

    def __call__(self, packet: Packet, /) -> Picture: ...


def reader(codec: VideoCodecContext) -> Reader:
    """For the packets of a stream. Errors: ValueError or LookupError where they do not tell."""
    return _READERS[codec.name](codec.extradata or b"")


_SEQUENCE = 1 << 34  # the order of pictures takes 32 bits, and starts anew with each sequence


class _InTurn:
    """Shown as they are decoded."""

    def __init__(self, extradata: bytes) -> None:
        self._count = 0

    def __call__(self, packet: Packet, /) -> Picture:
        self._count += 1
        return self._count, packet.is_keyframe, False


class _Mjpeg:
    """Each a picture of its own, if it has its own tables, or all have the customary ones."""

    def __init__(self, extradata: bytes) -> None:
        self._count = 0
        self._huffman: bool | None = None

    def __call__(self, packet: Packet, /) -> Picture:
        data = bytes(packet)
        huffman = b"\xff\xc4" in data
        if b"\xff\xdb" not in data or self._huffman not in (None, huffman):
            raise Unknown("tables of a picture before")
        self._huffman, self._count = huffman, self._count + 1
        return self._count, True, False


class _Mpeg4:
    """ISO/IEC 14496-2: B-VOPs are shown before the last other VOP that was decoded."""

    def __init__(self, extradata: bytes) -> None:
        self._headers = extradata
        self._anchors = self._between = 0

    def __call__(self, packet: Packet, /) -> Picture:
        data = bytes(packet)
        at = data.find(b"\0\0\1\xb6")
        if at < 0 or at + 4 >= len(data) or data.find(b"\0\0\1\xb6", at + 4) >= 0:
            raise NotEach("not exactly one picture")
        headers = data[:at].partition(b"\0\0\1\xb3")[0]  # up to the time of a group of pictures
        self._headers = self._headers or headers
        if not self._headers or headers not in self._headers:
            raise Unknown("the settings change")
        if data[at + 4] >> 6 == 2:
            if self._anchors < 2:
                raise NotEach("between pictures of which one is not there")
            self._between += 1
            return self._anchors * _SEQUENCE + self._between, False, True
        self._anchors, self._between = self._anchors + 1, 0
        return (self._anchors + 1) * _SEQUENCE - 1, packet.is_keyframe, False


class _Counted:
    """H.264 and HEVC: each slice has the low bits of its picture's place in a sequence."""

    def __init__(self) -> None:
        self._sequence = self._high = self._low = 0

    def _order(self, low: int, bits: int, refers: bool) -> int:
        """14496-10, 8.2.1.1, and 23008-2, 8.3.1. refers: whether the next count goes on from it."""
        half, high = 1 << bits - 1, self._high
        if low < self._low and self._low - low >= half:
            high += 2 * half
        elif low > self._low and low - self._low > half:
            high -= 2 * half
        if refers:
            self._high, self._low = high, low
        return self._sequence * _SEQUENCE + _SEQUENCE // 2 + high + low

    def _begin(self) -> None:
        self._sequence, self._high, self._low = self._sequence + 1, 0, 0


class _H264(_Counted):
    def __init__(self, extradata: bytes) -> None:
        super().__init__()
        self._prefix, sets = stored_sets("h264", extradata)
        sets = [unit for unit in sets if unit[0] & 31 in (7, 8)]
        self._sets = set(sets)
        sequences = dict(h264_sequence(unit) for unit in sets if unit[0] & 31 == 7)
        pictures = dict(h264_picture(unit) for unit in sets if unit[0] & 31 == 8)
        self._settings = {number: sequences[of] for number, of in pictures.items()}
        # A slice's first byte -> (bits after its order in its first eight bytes, bits of the order)
        self._places: dict[int, tuple[int, int]] = {}
        if len(self._settings) + len(sequences) < len(self._sets):
            raise Unknown("two sets of one number")

    def __call__(self, packet: Packet, /) -> Picture:
        for unit in units(bytes(packet), self._prefix):
            kind, refers = unit[0] & 31, unit[0] & 0x60 > 0
            if 1 <= kind <= 5:  # settings stand in front of slices, which agree about the picture
                return self._order_of(unit, kind == 5, refers), kind == 5, not refers
            if kind in (7, 8) and unit.rstrip(b"\0") not in self._sets:
                raise Unknown("the settings change")
        raise NotEach("no picture")

    def _order_of(self, unit: bytes, begins: bool, refers: bool) -> int:
        """From a slice header (7.3.3), of 24 bytes at most up to the picture's order."""
        if begins:
            self._begin()
        # Where it is depends, nearly always, on the first byte alone: a third of the time.
        elif (place := self._places.get(unit[1])) and b"\0\0\3" not in unit[1:9]:
            shift, width = place
            low = int.from_bytes(unit[1:9], "big") >> shift & (1 << width) - 1
            return self._order(low, width, refers)
        bits = Bits(unit[1:25])
        bits.skip_golomb(2)  # its first macroblock; its kind
        settings: Sequence = self._settings[bits.golomb()]
        start, width = bits.at, settings.order_bits
        if not settings.ordered:
            self._low += 1
            return self._sequence * _SEQUENCE + self._low
        bits.skip((2 if settings.planes else 0) + settings.frame_bits)
        if not settings.frames_only and bits.number(1):
            raise NotEach("a field may be a packet, or two of them")
        if begins:
            bits.skip_golomb(1)
        elif settings.frames_only and start <= 8 and len(unit) > 8:
            self._places[unit[1]] = (64 - bits.at - width, width)
        return self._order(bits.number(width), width, refers)


class _Hevc(_Counted):
    def __init__(self, extradata: bytes) -> None:
        super().__init__()
        self._prefix, sets = stored_sets("hevc", extradata)
        sets = [unit for unit in sets if _layer(unit) == 0]
        self._sets = set(sets)
        sequences = dict(hevc_sequence(unit) for unit in sets if _kind(unit) == 33)
        pictures = [hevc_picture(unit) for unit in sets if _kind(unit) == 34]
        self._settings = {number: (sequences[of], extra) for number, of, extra in pictures}
        of_kind = sum(_kind(unit) in (33, 34) for unit in self._sets)
        if len(self._settings) + len(sequences) < of_kind:
            raise Unknown("two sets of one number")

    def __call__(self, packet: Packet, /) -> Picture:
        order, afresh = None, False
        for unit in units(bytes(packet), self._prefix):
            kind = _kind(unit)
            if _layer(unit) or len(unit) < 3:
                continue
            if kind < 32:
                afresh = afresh or kind in (19, 20)  # IDR_W_RADL, IDR_N_LP
                if order is None:
                    order = self._order_of(Bits(unit[2:26]), kind, unit[1] & 7)
            elif kind in (32, 33, 34) and unit.rstrip(b"\0") not in self._sets:
                raise Unknown("the settings change")
            elif kind in (36, 37):
                raise NotEach("a sequence ends, after which pictures may be left out")
        if order is None:
            raise NotEach("no picture")
        # "Sub-layer non-reference" pictures can still be referred to.
        return order, afresh, False

    def _order_of(self, bits: Bits, kind: int, layer: int) -> int:
        """From a slice segment header (7.3.6.1). layer: TemporalId + 1."""
        if not bits.number(1):
            raise Unknown("a picture without its first slice")
        if 16 <= kind <= 23 and bits.number(1) and self._sequence:
            raise NotEach("pictures that wait to be shown are dropped")
        settings, extra = self._settings[bits.golomb()]
        if kind in (16, 17, 18):
            raise NotEach("pictures around a broken link are left out")
        if kind in (19, 20):
            self._begin()
            return self._order(0, settings.order_bits, True)
        bits.skip(extra)
        bits.skip_golomb(1)  # its kind
        bits.skip(2 if settings.planes else 0)
        refers = layer == 1 and not 6 <= kind <= 9 and (kind > 14 or kind % 2 == 1)
        return self._order(bits.number(settings.order_bits), settings.order_bits, refers)


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 63


def _layer(unit: bytes) -> int:
    return (unit[0] & 1) << 5 | (unit[1] >> 3 if len(unit) > 1 else 0)


_READERS: dict[str, Callable[[bytes], Reader]] = {
    "h264": _H264,
    "hevc": _Hevc,
    "mpeg4": _Mpeg4,
    "mjpeg": _Mjpeg,
    # Pictures of these are shown as they are decoded, and a key frame resets all.
    "vp9": _InTurn,
    "av1": _InTurn,
    "libdav1d": _InTurn,
    "libaom-av1": _InTurn,
}

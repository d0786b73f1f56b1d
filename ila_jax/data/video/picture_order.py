"""Finds the order in which a decoder gives pictures, from the bits of their packets alone.

Times of packets do not tell the order: an MP4 made from an AVI counts them as they are decoded, and
so do others. Where the order is not certain, or a decoder that starts in the middle would lack what
came before, the readers here raise an error. Then everything is decoded in sequence.

There is one reader for each codec. It reads as little of a packet as it can, since it runs for each
packet of every video that is loaded.
"""

from collections.abc import Callable
from typing import Protocol

from av import VideoCodecContext

from ila_jax.data.video.container import VideoPacket
from ila_jax.data.video.headers import (
    Bits,
    SequenceSet,
    h264_picture,
    h264_sequence,
    hevc_picture,
    hevc_sequence,
    nal_units,
    stored_sets,
)


class OrderUnknown(ValueError):
    """The order is not certain, or settings change within the stream."""


class CountUnknown(OrderUnknown):
    """It is not certain either that each packet gives one picture that is shown."""


# Of a packet (order, is_start, is_disposable): a number that ascends as pictures are shown; whether
# decoding from it on needs nothing that came before; whether no other picture refers to it. It is a
# plain tuple, which is made faster than a named one: there is one for each packet of every video.
PictureOrder = tuple[int, bool, bool]


class OrderReader(Protocol):
    """Reads packets as they follow each other. Errors: ValueError or LookupError if unknown."""

    def __call__(self, packet: VideoPacket, /) -> PictureOrder:
        """The order of the next packet's picture."""
        ...


def order_reader(codec: VideoCodecContext) -> OrderReader:
    """The reader for a stream's packets. Errors: ValueError or LookupError if there is none."""
    return _READERS[codec.name](codec.extradata or b"")


_SEQUENCE = 1 << 34  # the order of pictures takes 32 bits, and starts anew with each sequence


class _DecodingOrder:
    """Pictures that are shown as they are decoded."""

    def __init__(self, extradata: bytes) -> None:
        self._count = 0

    def __call__(self, packet: VideoPacket, /) -> PictureOrder:
        self._count += 1
        return self._count, packet.is_keyframe, False


class _Mjpeg:
    """Pictures that need no others, if each has its own tables, or all have the customary ones.

    A picture without tables is decoded with those of the picture before.
    """

    def __init__(self, extradata: bytes) -> None:
        self._count = 0
        self._has_huffman: bool | None = None

    def __call__(self, packet: VideoPacket, /) -> PictureOrder:
        data = bytes(packet)
        has_huffman = b"\xff\xc4" in data  # the marks of ITU T.81, B.1.1.3: DHT, and DQT below
        if b"\xff\xdb" not in data or self._has_huffman not in (None, has_huffman):
            raise OrderUnknown("tables of a picture before")
        self._has_huffman, self._count = has_huffman, self._count + 1
        return self._count, True, False


class _Mpeg4:
    """ISO/IEC 14496-2: B-VOPs are shown before the last other VOP that was decoded."""

    def __init__(self, extradata: bytes) -> None:
        self._headers = extradata
        # How many other VOPs there were, and how many B-VOPs since the last of them.
        self._anchors = self._b_vops = 0

    def __call__(self, packet: VideoPacket, /) -> PictureOrder:
        data = bytes(packet)
        start = data.find(b"\0\0\1\xb6")
        # Some encoders pack a B-VOP into the packet of the picture that it is shown before.
        if start < 0 or start + 4 >= len(data) or data.find(b"\0\0\1\xb6", start + 4) >= 0:
            raise CountUnknown("not exactly one picture")
        headers = data[:start].partition(b"\0\0\1\xb3")[0]  # up to the time of a group of pictures
        self._headers = self._headers or headers
        if not self._headers or headers not in self._headers:
            raise OrderUnknown("the settings change")
        if data[start + 4] >> 6 == 2:  # a B-VOP
            # It refers to the two VOPs before it. FFmpeg leaves it out where one is missing.
            if self._anchors < 2:
                raise CountUnknown("between pictures of which one is missing")
            self._b_vops += 1
            return self._anchors * _SEQUENCE + self._b_vops, False, True
        self._anchors, self._b_vops = self._anchors + 1, 0
        # It is shown behind the B-VOPs whose packets follow it.
        return (self._anchors + 1) * _SEQUENCE - 1, packet.is_keyframe, False


class _PictureOrderCount:
    """H.264 and HEVC: each slice has the low bits of its picture's place in a sequence."""

    def __init__(self) -> None:
        self._sequence = self._high = self._low = 0

    def _order(self, low: int, bits: int, refers: bool) -> int:
        """The order from its low bits: 14496-10, 8.2.1.1, and 23008-2, 8.3.1.

        refers: whether the next picture's high bits are counted from this one.
        """
        # The high bits are not stored. Counts of neighbours are less than half of a turn apart, so
        # that a larger step is an overflow of the low bits.
        half, high = 1 << bits - 1, self._high
        if low < self._low and self._low - low >= half:
            high += 2 * half
        elif low > self._low and low - self._low > half:
            high -= 2 * half
        if refers:
            self._high, self._low = high, low
        # Counts may be negative. The half keeps them from falling into the sequence before.
        return self._sequence * _SEQUENCE + _SEQUENCE // 2 + high + low

    def _begin(self) -> None:
        self._sequence, self._high, self._low = self._sequence + 1, 0, 0


class _H264(_PictureOrderCount):
    """ISO/IEC 14496-10. Kinds of units: 1 to 5 slices, 5 of an IDR picture, 7 and 8 settings."""

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
            raise OrderUnknown("two sets of one number")

    def __call__(self, packet: VideoPacket, /) -> PictureOrder:
        for unit in nal_units(bytes(packet), self._prefix):
            kind, refers = unit[0] & 31, unit[0] & 0x60 > 0
            if 1 <= kind <= 5:  # settings stand in front of slices, which agree about the picture
                return self._order_of(unit, kind == 5, refers), kind == 5, not refers
            if kind in (7, 8) and unit.rstrip(b"\0") not in self._sets:
                raise OrderUnknown("the settings change")
        raise CountUnknown("no picture")

    def _order_of(self, unit: bytes, begins: bool, refers: bool) -> int:
        """The order in a slice header (7.3.3), which is in its first 24 bytes."""
        if begins:
            self._begin()
        # The order stands behind numbers of any length. Nearly always the first byte alone says
        # where it is, which saves two thirds of the time. Not so where a byte was put in to keep a
        # start code out.
        elif (place := self._places.get(unit[1])) and b"\0\0\3" not in unit[1:9]:
            shift, width = place
            low = int.from_bytes(unit[1:9], "big") >> shift & (1 << width) - 1
            return self._order(low, width, refers)
        bits = Bits(unit[1:25])
        bits.skip_golomb(2)  # its first macroblock; its kind
        settings: SequenceSet = self._settings[bits.golomb()]
        start, width = bits.position, settings.order_bits
        if not settings.has_order:  # pictures are shown as they are decoded
            self._low += 1
            return self._sequence * _SEQUENCE + self._low
        bits.skip((2 if settings.separate_planes else 0) + settings.frame_bits)
        if not settings.frames_only and bits.number(1):
            raise CountUnknown("a field may be a packet, or two of them")
        if begins:
            bits.skip_golomb(1)
        elif settings.frames_only and start <= 8 and len(unit) > 8:
            self._places[unit[1]] = (64 - bits.position - width, width)
        return self._order(bits.number(width), width, refers)


class _Hevc(_PictureOrderCount):
    """ISO/IEC 23008-2. Kinds of units, table 7-1: below 32 slices, 32 to 34 settings."""

    def __init__(self, extradata: bytes) -> None:
        super().__init__()
        self._prefix, sets = stored_sets("hevc", extradata)
        sets = [unit for unit in sets if _layer(unit) == 0]
        self._sets = set(sets)
        sequences = dict(hevc_sequence(unit) for unit in sets if _kind(unit) == 33)
        pictures = [hevc_picture(unit) for unit in sets if _kind(unit) == 34]
        self._settings = {number: (sequences[of], extra) for number, of, extra in pictures}
        stored = sum(_kind(unit) in (33, 34) for unit in self._sets)
        if len(self._settings) + len(sequences) < stored:
            raise OrderUnknown("two sets of one number")

    def __call__(self, packet: VideoPacket, /) -> PictureOrder:
        order, is_start = None, False
        for unit in nal_units(bytes(packet), self._prefix):
            kind = _kind(unit)
            if _layer(unit) or len(unit) < 3:  # another view or resolution, which is not decoded
                continue
            if kind < 32:
                is_start = is_start or kind in (19, 20)  # IDR_W_RADL, IDR_N_LP
                if order is None:
                    order = self._order_of(Bits(unit[2:26]), kind, unit[1] & 7)
            elif kind in (32, 33, 34) and unit.rstrip(b"\0") not in self._sets:
                raise OrderUnknown("the settings change")
            elif kind in (36, 37):
                raise CountUnknown("a sequence ends, after which pictures may be left out")
        if order is None:
            raise CountUnknown("no picture")
        # None is disposable: "sub-layer non-reference" pictures can still be referred to.
        return order, is_start, False

    def _order_of(self, bits: Bits, kind: int, layer: int) -> int:
        """The order in a slice segment header (7.3.6.1). layer: TemporalId + 1."""
        if not bits.number(1):
            raise OrderUnknown("a picture without its first slice")
        # no_output_of_prior_pics_flag, of pictures at which a stream can be entered.
        if 16 <= kind <= 23 and bits.number(1) and self._sequence:
            raise CountUnknown("pictures that wait to be shown are dropped")
        settings, extra = self._settings[bits.golomb()]
        if kind in (16, 17, 18):
            raise CountUnknown("pictures around a broken link are left out")
        if kind in (19, 20):
            self._begin()
            return self._order(0, settings.order_bits, True)
        bits.skip(extra)
        bits.skip_golomb(1)  # its kind
        bits.skip(2 if settings.separate_planes else 0)
        # Counting goes on from pictures of the lowest layer that others refer to, and that are
        # neither RASL nor RADL (6 to 9).
        refers = layer == 1 and not 6 <= kind <= 9 and (kind > 14 or kind % 2 == 1)
        return self._order(bits.number(settings.order_bits), settings.order_bits, refers)


def _kind(unit: bytes) -> int:
    """nal_unit_type, six bits."""
    return unit[0] >> 1 & 63


def _layer(unit: bytes) -> int:
    """nuh_layer_id, six bits over two bytes."""
    return (unit[0] & 1) << 5 | (unit[1] >> 3 if len(unit) > 1 else 0)


_READERS: dict[str, Callable[[bytes], OrderReader]] = {
    "h264": _H264,
    "hevc": _Hevc,
    "mpeg4": _Mpeg4,
    "mjpeg": _Mjpeg,
    # Pictures of these are shown as they are decoded, and a key frame resets all.
    "vp9": _DecodingOrder,
    "av1": _DecodingOrder,
    "libdav1d": _DecodingOrder,
    "libaom-av1": _DecodingOrder,
}

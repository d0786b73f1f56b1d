"""The order of pictures from packets that are put together bit by bit, and what leaves it open."""

from types import SimpleNamespace

import pytest

from ila_jax.data.video.picture_order import CountUnknown, OrderUnknown, order_reader
from tests.data.video.syntax import packed, ue

TURN = 1 << 34  # between sequences of pictures


class Packet(bytes):
    """A packet that is no key frame."""

    is_keyframe = False


def units(*parts):
    return b"".join(b"\0\0\1" + part for part in parts)


def reader(codec, *sets):
    return order_reader(SimpleNamespace(name=codec, extradata=units(*sets)))


# Frame numbers of 4 bits, orders of 6, frames only; and the one set of pictures that refers to it.
H264 = (
    b"\x67" + packed(f"{66:08b}", "0" * 16, ue(0), ue(0), ue(0), ue(2), ue(1), "0", ue(9, 9), "1"),
    b"\x68" + packed(ue(0, 0)),
)
IDR = units(b"\x65" + packed(ue(0, 7, 0), "0000", ue(0), "000000"))


def slice_of_h264(order, *, refers=True):
    head = b"\x41" if refers else b"\x01"
    return units(head + packed(ue(0, 5, 0), "0001", f"{order % 64:06b}"))


def test_orders_of_h264_go_on_where_their_six_bits_overflow():
    order_of = reader("h264", *H264)
    start = TURN + TURN // 2
    assert order_of(IDR) == (start, True, False)
    for order in (30, 60, 70):
        assert order_of(slice_of_h264(order)) == (start + order, False, False)
        # One that nothing refers to, shown before.
        assert order_of(slice_of_h264(order - 2, refers=False)) == (start + order - 2, False, True)
    assert order_of(IDR) == (start + TURN, True, False)
    assert order_of(slice_of_h264(-2)) == (start + TURN - 2, False, False)
    # From one that nothing refers to the next is not counted: from 58, 8 would be an overflow.
    orders = [order_of(slice_of_h264(k, refers=k != 58))[0] for k in (30, 58, 8)]
    assert orders == [start + TURN + k for k in (30, 58, 8)]


# Orders of 4 bits.
HEVC = (
    b"\x42\x01"
    + packed("0000", "000", "1", "1" * 96, ue(0), ue(1), ue(9, 9), "0", ue(0, 0), ue(0)),
    b"\x44\x01" + packed(ue(0, 0), "0", "0", "000"),
)


def hevc(kind, *fields, layer=0):
    return units(bytes([kind << 1, layer << 3 | 1]) + packed(*fields))


def slice_of_hevc(order):
    return hevc(1, "1", ue(0), ue(1), f"{order % 16:04b}")


def test_orders_of_hevc():
    order_of = reader("hevc", *HEVC)
    start = TURN + TURN // 2
    assert order_of(hevc(19, "1", "0", ue(0))) == (start, True, False)
    for order in (4, 2, 8, 14, 18):
        assert order_of(slice_of_hevc(order)) == (start + order, False, False)
    # Another layer is not decoded.
    packet = slice_of_hevc(20) + hevc(1, "1", ue(0), ue(1), "0001", layer=1)
    assert order_of(packet) == (start + 20, False, False)


def test_b_vops_of_mpeg4_are_shown_before_the_last_other_picture():
    order_of = reader("mpeg4")
    kinds = {"I": b"\x00", "P": b"\x40", "B": b"\x80"}
    settings = units(b"\xb0settings")
    packets = [settings + units(b"\xb6" + kinds["I"])]
    packets += [units(b"\xb6" + kinds[kind]) for kind in "PBBP"]
    orders = [order_of(Packet(packet)) for packet in packets]
    assert [is_disposable for _, _, is_disposable in orders] == [False, False, True, True, False]
    shown = sorted(range(5), key=lambda k: orders[k][0])
    assert "".join("IPBBP"[k] for k in shown) == "IBBPP"
    assert shown == [0, 2, 3, 1, 4]


@pytest.mark.parametrize(
    ("codec", "sets", "packets", "words"),
    [
        ("h264", H264, [units(b"\x67other")], "the settings change"),
        ("h264", H264, [units(b"\x06of nothing shown")], "no picture"),
        ("hevc", HEVC, [units(b"\x42\x01other")], "the settings change"),
        ("hevc", HEVC, [units(b"\x4e\x01of nothing shown")], "no picture"),
        ("hevc", HEVC, [hevc(1, "0", ue(0))], "a picture without its first slice"),
        ("hevc", HEVC, [hevc(16, "1", "0", ue(0))], "around a broken link"),
        ("hevc", HEVC, [hevc(36, "1" * 16)], "a sequence ends"),
        ("hevc", HEVC, [hevc(19, "1", "0", ue(0)), hevc(21, "1", "1", ue(0))], "are dropped"),
        ("mpeg4", (), [units(b"\xb6\x00")], "the settings change"),
        ("mpeg4", (b"\xb0one",), [units(b"\xb0two", b"\xb6\x00")], "the settings change"),
        ("mpeg4", (b"\xb0one",), [units(b"\xb6\x00", b"\xb6\x80")], "not exactly one picture"),
        ("mpeg4", (b"\xb0one",), [units(b"\xb6\x00"), units(b"\xb6\x80")], "one is missing"),
        ("mjpeg", (), [b"\xff\xd8"], "tables of a picture before"),
        ("mjpeg", (), [b"\xff\xdb\xff\xc4", b"\xff\xdb"], "tables of a picture before"),
    ],
)
def test_what_leaves_the_order_open(codec, sets, packets, words):
    order_of = reader(codec, *sets)
    for packet in packets[:-1]:
        order_of(Packet(packet))
    with pytest.raises(OrderUnknown, match=words):
        order_of(Packet(packets[-1]))


@pytest.mark.parametrize(("codec", "sets"), [("h264", H264), ("hevc", HEVC)])
def test_two_sets_of_one_number(codec, sets):
    other = sets[0][:3] + b"\x7f" + sets[0][4:]  # another level, or profile
    with pytest.raises(OrderUnknown, match="two sets of one number"):
        reader(codec, *sets, other)


def test_fields_may_be_two_packets():
    rest = (ue(0), ue(0), ue(2), ue(1), "0", ue(9, 9), "0")
    fields = b"\x67" + packed(f"{66:08b}", "0" * 16, ue(0), *rest)
    with pytest.raises(CountUnknown, match="a field may be a packet"):
        reader("h264", fields, H264[1])(units(b"\x65" + packed(ue(0, 7, 0), "0000", "1", ue(0))))

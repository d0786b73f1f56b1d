"""Parameter sets of H.264 and HEVC, put together bit by bit from their syntax tables."""

import pytest

from ila_jax.data.video import headers
from ila_jax.data.video.headers import SequenceSet
from tests.data.video.syntax import packed, ue


def h264(profile, number, *after):
    return b"\x67" + packed(f"{profile:08b}", "0" * 16, ue(number), *after)


# Frame numbers of 7 bits, order of type 0 in 6 bits, one reference, 320 x 240, fields.
REST = (ue(3), ue(0), ue(2), ue(1), "0", ue(19, 14), "0")


def test_golomb_codes_by_hand():
    assert ue(0, 1, 2, 3) == "101001100100"
    bits = headers.Bits(packed(ue(0, 1, 2, 7), "101"))
    assert [bits.golomb() for _ in range(4)] == [0, 1, 2, 7]
    assert bits.number(3) == 5


def test_a_sequence_set_of_h264():
    assert headers.h264_sequence(h264(66, 2, *REST)) == (2, SequenceSet(7, 6, False, False, True))
    as_decoded = (ue(0), ue(2), ue(1), "0", ue(19, 14), "1")
    assert headers.h264_sequence(h264(77, 0, *as_decoded)) == (
        0,
        SequenceSet(4, 0, True, False, False),
    )
    with pytest.raises(ValueError, match="an order by cycles"):
        headers.h264_sequence(h264(66, 0, ue(0), ue(1)))


def test_scaling_matrices_of_a_high_profile_are_passed_over():
    at_once = "1" + ue(16)  # a difference of -8, which leads from 8 to 0: the matrix ends
    upwards = "1" + ue(495)  # one of +248, which leads to 256, and that is 0
    whole = {size: "1" + ue(*[0] * (size - 1), 2) for size in (16, 64)}  # the last is a 7
    wrapped = "1" + ue(*[256] * 2) + ue(*[0] * 14)  # -128 twice: 8, 136, 8
    matrices = at_once + whole[16] + wrapped + upwards + "00" + whole[64] + "1" + ue(16)
    chroma = (ue(1), ue(0, 0), "0", "1", matrices)
    unit = h264(100, 1, *chroma, *REST)
    assert headers.h264_sequence(unit) == (1, SequenceSet(7, 6, False, False, True))
    # 4:4:4 in planes of their own has four more.
    chroma = (ue(3), "1", ue(2, 2), "1", "1", matrices, "0000")
    unit = h264(244, 0, *chroma, *REST)
    assert headers.h264_sequence(unit) == (0, SequenceSet(7, 6, False, True, True))
    unit = h264(100, 0, ue(1), ue(0, 0), "0", "0", *REST)
    assert headers.h264_sequence(unit) == (0, SequenceSet(7, 6, False, False, True))


def test_sets_of_hevc():
    head, profile = ("0000", "010", "1"), "1" * 96
    # Of two more layers the first has a profile and a level, the second a level.
    layers = "1101" + "0" * 12 + "1" * (88 + 8 + 8)
    body = (ue(1), ue(3), "1", ue(320, 240), "1", ue(0, 1, 2, 3), ue(0, 0), ue(4))
    unit = b"\x42\x01" + packed(*head, profile, layers, *body)
    assert headers.hevc_sequence(unit) == (1, SequenceSet(0, 8, True, True, True))
    plain = ("0000", "000", "1", profile, ue(0), ue(1), ue(320, 240), "0", ue(0, 0), ue(0))
    assert headers.hevc_sequence(b"\x42\x01" + packed(*plain)) == (
        0,
        SequenceSet(0, 4, True, False, True),
    )
    assert headers.hevc_picture(b"\x44\x01" + packed(ue(3, 1), "0", "0", "101")) == (3, 1, 5)
    with pytest.raises(ValueError, match="whether a picture is shown at all"):
        headers.hevc_picture(b"\x44\x01" + packed(ue(3, 1), "0", "1", "101"))


def test_sets_are_found_in_boxes_and_between_start_codes():
    sequence, picture = b"\x67abc", b"\x68d"
    avcc = b"\1\x64\0\x1e\xfd" + b"\xe1\0\4" + sequence + b"\1\0\3" + picture + b"\0"
    assert headers.stored_sets("h264", avcc) == (2, [sequence, picture])
    groups = b"\xa1\0\1\0\4" + sequence + b"\xa2\0\2\0\2" + picture + b"\0\2" + picture
    hvcc = b"\1" + b"\xff" * 20 + b"\xff\2" + groups
    assert headers.stored_sets("hevc", hvcc) == (4, [sequence, picture, picture])
    stream = b"\0\0\0\1" + sequence + b"\0\0\0\1" + picture + b"\0\0"
    assert headers.stored_sets("h264", stream) == (0, [sequence, picture])
    assert headers.stored_sets("hevc", b"") == (0, [])


@pytest.mark.parametrize(
    ("prefix", "packet"),
    [
        (0, b"junk\0\0\1one\0\0\1\0\0\1two\0"),
        (1, b"\3one\0\3two"),
        (4, b"\0\0\0\3one\0\0\0\0\0\0\0\3two\0\0"),
    ],
)
def test_units_of_a_packet(prefix, packet):
    """Empty ones are left out."""
    assert list(headers.nal_units(packet, prefix)) == [b"one", b"two"]

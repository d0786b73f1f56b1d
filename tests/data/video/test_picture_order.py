"""Frames come in the order in which the decoder gives them, whatever their packets say of time."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.views import Views
from ila_jax.data.clips.windows import Windows, frame_times
from ila_jax.data.video.decode import all_frames, decode, index_video
from ila_jax.data.video.headers import Bits, stored_sets
from tests.data.joined import FIRST, SECOND, remuxed, write_joined
from tests.data.videos import H264, picture, sequential, write_video

VIEWS = Views(
    recipe=ClipRecipe(frames=8, size=16, sampling="segments", scales=(1.0,)),
    clips=1, crops=1, sampling="fixed", seed=0,
)  # fmt: skip
PYRAMID = "keyint=24:bframes=5:b-pyramid=normal:b-adapt=0:scenecut=0:open-gop=1"
CODECS = {
    "h264": {"options": H264 | {"g": "12"}},
    "h264 in order": {"options": H264 | {"g": "12", "bf": "0"}},
    "h264 pyramid": {"options": {"x264-params": PYRAMID}},
    "hevc": {"codec": "libx265", "options": {"x265-params": "keyint=12:log-level=none"}},
    "mpeg4": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "mpeg2": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}},
}
FILES = [(name, suffix) for name in CODECS for suffix in ("mp4", "mov", "mkv", "ts")]
# MPEG-4's settings stand at the head of an MP4, and a TS has no place for them.
FILES.remove(("mpeg4", "ts"))


def kept(packet: av.Packet, k: int) -> av.Packet:
    return packet


def stripped(packet: av.Packet, k: int) -> av.Packet:
    """As `ffmpeg -i film.avi -c copy film.mp4` does."""
    packet.pts = packet.dts = k * packet.duration
    return packet


def half_stripped(packet: av.Packet, k: int) -> av.Packet:
    if k >= 20:
        packet.pts = packet.dts
    return packet


def one_wrong(packet: av.Packet, k: int) -> av.Packet:
    if k == 9:
        packet.pts += packet.duration * 5 // 2
    return packet


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    return {
        name: write_video(folder / f"{name}.mp4", **arguments) for name, arguments in CODECS.items()
    }


@pytest.mark.parametrize("change", [kept, stripped, half_stripped, one_wrong])
@pytest.mark.parametrize(("name", "suffix"), FILES)
def test_as_plain_sequential_decoding(sources, name, suffix, change, tmp_path):
    path = remuxed([sources[name]], tmp_path / f"a.{suffix}", change)
    check_as_plain(path, 40)


def check_as_plain(path: Path, count: int) -> None:
    """All frames, each alone, as a stream and by windows; in order, and at ascending times."""
    expected = np.stack(sequential(path))
    assert len(expected) == count
    for k in (0, 7, count // 2, count - 1):  # not only as the decoder gives them, but right
        errors = [
            np.abs(expected[k] - picture(i, 48, 64).astype(float)).mean() for i in range(count)
        ]
        assert np.argmin(errors) == k
    index = index_video(path.read_bytes())
    assert np.all(np.diff(index.times) >= 0)
    np.testing.assert_array_equal(decode(index, range(count)), expected)
    for k in range(count):
        np.testing.assert_array_equal(decode(index, [k])[0], expected[k], str(k))
    assert sum(1 for _ in all_frames(index)) == count
    np.testing.assert_array_equal(frame_times(path), index.times)
    ((window, views),) = Windows(path, seconds=60).with_views(VIEWS)
    assert window.count == count
    np.testing.assert_array_equal(views, VIEWS.of_frames(expected))


@pytest.mark.parametrize("name", ["h264", "hevc", "mpeg4"])
def test_single_frames_are_decoded_where_times_are_right(sources, name, tmp_path):
    right = remuxed([sources[name]], tmp_path / "right.mp4")
    wrong = remuxed([sources[name]], tmp_path / "wrong.mp4", stripped)
    assert index_video(right.read_bytes()).direct
    index = index_video(wrong.read_bytes())
    assert not index.direct
    # The times that there are belong to the frames in their order.
    np.testing.assert_allclose(index.times - index.times[0], np.arange(40) / 25, atol=1e-4)


def test_an_mp4_made_from_an_avi(tmp_path):
    """By FFmpeg's command. Across each frame stands its number, in bits from the left."""
    path = Path(__file__).parents[1] / "cases" / "avi_to_mp4.mp4"
    frames = decode(index_video(path.read_bytes()), range(40))
    bits = frames[:, 60, 10::20, 0] > 128
    assert (bits @ (1 << np.arange(8))).tolist() == list(range(40))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_two_descriptions_in_one_file(codec, tmp_path):
    """The settings of the second part do not stand in its packets."""
    arguments = {} if codec == "libx264" else CODECS["hevc"]
    check_as_plain(write_joined(tmp_path, **arguments), 48)


def test_settings_that_change_within_the_packets(tmp_path):
    """As `ffmpeg -f concat` joins files: once, in front of the second part."""
    parts = [
        write_video(tmp_path / "a.mp4", count=24, options=FIRST),
        write_video(tmp_path / "b.mp4", count=24, options=SECOND, offset=24),
    ]
    with av.open(str(parts[1])) as second:
        _, sets = stored_sets("h264", second.streams.video[0].codec_context.extradata)
    units = b"".join(len(unit).to_bytes(4, "big") + unit for unit in sets)

    def with_settings(packet: av.Packet, k: int) -> av.Packet:
        if k != 24:
            return packet
        new = av.Packet(units + bytes(packet))
        new.pts, new.dts, new.duration = packet.pts, packet.dts, packet.duration
        new.time_base, new.is_keyframe = packet.time_base, True
        return new

    path = remuxed(parts, tmp_path / "joined.mkv", with_settings)
    check_as_plain(path, 48)
    assert not index_video(path.read_bytes()).direct


def test_bits_by_hand():
    """1 | 010 | 00101, and the byte that only keeps a start code out."""
    bits = Bits(bytes([0b10100010, 0b10000000]))
    assert [bits.golomb(), bits.golomb(), bits.golomb()] == [0, 1, 4]
    assert bits.position == 9
    bits = Bits(b"\0\0\3\1")
    assert (bits.number(24), bits.position) == (1, 24)
    with pytest.raises(ValueError, match="substring not found"):
        bits.golomb()


def test_a_decoder_that_is_not_told_to_wait(sources, tmp_path, monkeypatch):
    """Without the hint in the settings FFmpeg finds out as it goes, and drops a frame."""
    path = remuxed([sources["h264"]], tmp_path / "wrong.mp4", stripped)
    path.write_bytes(without_hints(path.read_bytes()))
    expected = np.stack(sequential(path))
    assert len(expected) < 40
    index = index_video(path.read_bytes())
    assert not index.direct
    np.testing.assert_array_equal(decode(index, range(len(expected))), expected)
    np.testing.assert_array_equal(frame_times(path), index.times)


def without_hints(data: bytes) -> bytes:
    """The bytes of an H.264 file, "usability information" taken out of its sequence set."""
    with av.open(io.BytesIO(data)) as container:
        _, sets = stored_sets("h264", container.streams.video[0].codec_context.extradata)
    raw = sets[0][1:].replace(b"\0\0\3", b"\0\0")
    bits = Bits(raw)
    bits.skip(24)  # profile, level
    bits.skip_golomb(4)  # its number; chroma, bits of luma and chroma
    bits.skip(2)
    for golombs, flags in ((3, 0), (1, 1), (2, 2)):  # up to the cropping of the picture
        bits.skip_golomb(golombs)
        bits.skip(flags)
    assert bits.number(1) == 0  # nothing is cropped
    head = f"{int.from_bytes(raw, 'big'):0{8 * len(raw)}b}"[: bits.position] + "01"
    new = sets[0][:1] + int(head + "0" * (-len(head) % 8), 2).to_bytes(-(-len(head) // 8), "big")
    return data.replace(sets[0], new.ljust(len(sets[0]), b"\0"))

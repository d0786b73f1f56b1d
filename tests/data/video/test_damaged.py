"""Every bad file says what it is, and no damage ends in a crash."""

import contextlib
import io
import os
import pickle
import re
from pathlib import Path

import av
import av.logging
import numpy as np
import pytest

from ila_jax.data.clips.windows import frame_times
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import sequential, write_sound, write_video


def read(path: Path) -> bytes:
    return ListSource([LabelledFile(str(path), 0)]).read(0)


def reason(data: bytes) -> Reason | None:
    """Why these bytes are bad when all their frames are asked for; None for a good video."""
    try:
        index = index_video(data)
        decode(index, range(index.count))
    except BadVideo as bad:
        return bad.reason
    return None


def test_the_name_does_not_matter(files, tmp_path):
    path = tmp_path / "film.txt"
    path.write_bytes(files["vp9.webm"].read_bytes())
    assert reason(read(path)) is None


def test_no_file_to_read(tmp_path):
    locked, empty = tmp_path / "locked.mp4", tmp_path / "empty.mp4"
    for path in (locked, empty):
        path.touch()
    cases = {
        tmp_path / "nothing.mp4": Reason.MISSING,
        empty / "inside.mp4": Reason.MISSING,
        tmp_path: Reason.DIRECTORY,
        empty: Reason.EMPTY,
        tmp_path / "zero\0byte.mp4": Reason.UNREADABLE,
    }
    locked.chmod(0)
    if os.geteuid() != 0:  # the superuser reads everything
        cases[locked] = Reason.UNREADABLE
    for path, expected in cases.items():
        with pytest.raises(BadVideo) as caught:
            read(path)
        assert caught.value.reason == expected


def test_no_video_in_the_file(tmp_path):
    empty_stream = tmp_path / "zero.mp4"
    whole = write_video(tmp_path / "a.mp4", count=2, muxer={"movflags": "frag_keyframe+empty_moov"})
    data = whole.read_bytes()
    empty_stream.write_bytes(data[: data.index(b"moof") - 4])  # the head alone: no frames
    assert reason(b"") == Reason.EMPTY
    assert reason(np.random.default_rng(0).bytes(5000)) == Reason.NOT_VIDEO_FILE
    assert reason(b"<html><body>404 not found</body></html>\n" * 50) == Reason.NOT_VIDEO_FILE
    assert reason(write_sound(tmp_path / "sound.mp4").read_bytes()) == Reason.NO_VIDEO_STREAM
    assert reason(empty_stream.read_bytes()) == Reason.NO_FRAMES


@pytest.mark.parametrize("name", ["one_key.mp4", "key_12.mp4", "mpeg4.avi", "vp9.webm"])
def test_cut_off(files, name):
    data = files[name].read_bytes()
    for part in (0.02, 0.3, 0.5, 0.7, 0.9):
        problem = reason(data[: int(len(data) * part)])
        assert problem in (Reason.DAMAGED, Reason.NOT_VIDEO_FILE, Reason.NO_VIDEO_STREAM)


def test_cut_off_with_the_index_in_front_is_told_by_it(files):
    data = files["key_12.mp4"].read_bytes()
    for part in (0.5, 0.7, 0.9):
        with pytest.raises(BadVideo, match="frames are in the file") as caught:
            index_video(data[: int(len(data) * part)])
        assert caught.value.reason == Reason.DAMAGED


def test_fragments_are_told_wherever_they_are_cut(files, tmp_path):
    """But between two of them: then nothing says that more should follow."""
    data = files["fragments.mp4"].read_bytes()
    ends = [m.start() - 4 for m in re.finditer(b"moof|mfra", data)]
    assert len(ends) == 4
    for end in range(ends[0] - 40, len(data)):
        if any(0 <= end - at < 8 for at in ends):  # not even the head of a box
            continue
        problem = reason(data[:end])
        assert problem in (Reason.DAMAGED, Reason.NOT_VIDEO_FILE), end
        if end % 97 == 0:
            (tmp_path / "a.mp4").write_bytes(data[:end])
            with pytest.raises(BadVideo):
                frame_times(tmp_path / "a.mp4")
    assert reason(data) is None


@pytest.mark.parametrize("name", ["one_key.mp4", "key_12.mp4", "open_groups.mkv", "mpeg4_b.mp4"])
def test_what_ffmpeg_only_logs_is_damage(files, name):
    """FFmpeg paints over most errors and logs them; whatever it logs as an error must be noticed.

    Bytes that happen to decode without a word cannot be told from good ones by anybody.
    """
    data = files[name].read_bytes()
    start = data.index(b"mdat") if name.endswith("mp4") else len(data) // 3
    noticed = 0
    for seed in range(8):
        broken = bytearray(data)
        for i in np.random.default_rng(seed).integers(start + 500, start + 2500, 20):
            broken[i] ^= 255
        if _logs_of_plain_decoding(bytes(broken)):
            assert reason(bytes(broken)) == Reason.DAMAGED
            noticed += 1
    assert noticed >= 5


def _logs_of_plain_decoding(data: bytes) -> list:
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=False) as logs, av.open(io.BytesIO(data)) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for packet in container.demux(video=0):
                with contextlib.suppress(av.error.FFmpegError):
                    packet.decode()
    finally:
        av.logging.set_level(None)
    return logs


@pytest.mark.parametrize("name", ["one_key.mp4", "key_12.mp4", "vp9.webm", "mpeg4.avi"])
def test_without_its_start(files, name):
    data = files[name].read_bytes()
    assert reason(data[len(data) // 8 :]) in (None, Reason.NOT_VIDEO_FILE, Reason.DAMAGED)
    if not name.endswith("avi"):  # FFmpeg finds raw MPEG-4 in what is left of an AVI file
        assert reason(data[len(data) // 8 :]) is not None


@pytest.mark.parametrize("name", ["key_12.mp4", "vp9.webm", "mpeg4.avi", "stream.ts"])
def test_any_damage_gives_frames_or_a_reason(files, name):
    """Never a crash: 40 random kinds of damage each, all frames asked for."""
    data = files[name].read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(40):
        broken = bytearray(data)
        for i in rng.integers(0, len(data), rng.integers(1, 60)):
            broken[i] = rng.integers(256)
        assert reason(bytes(broken[: rng.integers(1, 2 * len(data))])) in (None, *Reason)


def test_a_missing_frame_is_never_replaced_by_another(files):
    """A packet that decodes to nothing is an error, not the frame beside it."""
    index = index_video(files["mpeg4.avi"].read_bytes())
    index._packets[5] = _not_coded(index._packets[5])
    with pytest.raises(BadVideo, match="40 frames promised, 39 decode") as caught:
        decode(index, [20, 6])
    assert caught.value.reason == Reason.DAMAGED
    decode(index, [12, 14])  # another group: not touched by it


def _not_coded(packet: av.Packet) -> av.Packet:
    """The MPEG-4 packet that says "nothing changed": the same head, with vop_coded (bit 10) 0."""
    head = bytearray(bytes(packet)[:6])
    head[5] = head[5] & 0xDF | 0x1F
    out = av.Packet(bytes(head))
    out.pts, out.dts, out.time_base = packet.pts, packet.dts, packet.time_base
    return out


def test_packets_without_a_frame(files, tmp_path):
    """MPEG-4 in AVI leaves frames out where nothing moves: the frames that decode are counted."""
    path = tmp_path / "a.avi"
    with av.open(str(files["mpeg4.avi"])) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(source.demux(video=0)):
            if packet.size:
                kept = _not_coded(packet) if i in (5, 17) else packet
                kept.stream = stream
                out.mux(kept)
    expected = sequential(path)
    assert len(expected) == 38
    index = index_video(path.read_bytes())
    assert (index.count, index.direct) == (38, False)
    np.testing.assert_array_equal(decode(index, range(38)), expected)


def test_two_sizes_in_one_stream(tmp_path):
    with av.open(str(tmp_path / "a.avi"), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        other = av.CodecContext.create("mjpeg", "w")
        other.height, other.width, other.pix_fmt, other.time_base = 32, 32, "yuvj420p", 1
        for size, codec in (((48, 64), stream), ((32, 32), other)):
            frame = av.VideoFrame(size[1], size[0], "yuvj420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            for packet in codec.encode(frame):
                packet.stream = stream
                packet.pts = packet.dts = None
                out.mux(packet)
    assert reason((tmp_path / "a.avi").read_bytes()) == Reason.SIZE_CHANGES


def test_ffmpeg_says_nothing_on_stderr(files, capfd):
    data = bytearray(files["one_key.mp4"].read_bytes())
    data[2000:2100] = bytes(100)
    reason(bytes(data))
    reason(bytes(data[:3000]))
    assert capfd.readouterr().err == ""


def test_bad_video_survives_pickling():
    bad = pickle.loads(pickle.dumps(BadVideo(Reason.DAMAGED, "seen")))
    assert (bad.reason, bad.detail) == (Reason.DAMAGED, "seen")
    assert str(bad).endswith("decodes. seen")
    assert all(r.sentence.endswith((".", ")")) for r in Reason)

"""Files joined of two without encoding anew, as no muxer of FFmpeg writes them."""

import struct
from collections.abc import Callable
from pathlib import Path

import av

from tests.data.videos import write_video

# Sequences of the same size whose pictures are coded otherwise: without arithmetic coding.
FIRST = {"g": "12", "bf": "2", "b_strategy": "0", "sc_threshold": "0", "preset": "veryfast"}
SECOND = FIRST | {"coder": "0", "x264-params": "qpmin=3:8x8dct=0:weightp=0:ref=1"}


def write_joined(folder: Path, **arguments) -> Path:
    """24 pictures, and 24 more coded with other settings, which stand beside them in the file."""
    first = write_video(folder / "first.mp4", count=24, **({"options": FIRST} | arguments))
    second = write_video(
        folder / "second.mp4", count=24, offset=24, **({"options": SECOND} | arguments)
    )
    path = remuxed([first, second], folder / "joined.mp4")
    data, chunk = path.read_bytes(), _packets(first)
    at = data.rindex(b"moov") - 4  # behind the frames, so that their places stay as they are
    path.write_bytes(data[:at] + _with_second(data[at:], _description(second), chunk))
    return path


def remuxed(
    parts: list[Path],
    path: Path,
    change: Callable[[av.Packet, int], av.Packet] = lambda packet, k: packet,
) -> Path:
    """The packets of all parts after each other, in a stream like that of the first.

    change: what is written in place of a packet. k: its number.
    """
    with av.open(str(path), "w") as out, av.open(str(parts[0])) as first:
        stream, shift, k = out.add_stream_from_template(first.streams.video[0]), 0, 0
        for part in parts:
            with av.open(str(part)) as source:
                packets = [packet for packet in source.demux(video=0) if packet.size]
            end = max(packet.pts + packet.duration for packet in packets)
            for packet in packets:
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                new = change(packet, k)
                new.stream = stream
                out.mux(new)
                k += 1
            shift += end
    return path


def _packets(path: Path) -> list[int]:
    """Their sizes."""
    with av.open(str(path)) as container:
        return [packet.size for packet in container.demux(video=0) if packet.size]


def _description(path: Path) -> bytes:
    data = path.read_bytes()
    at = data.index(b"stsd", data.rindex(b"moov")) - 4
    return data[at + 16 : at + struct.unpack_from(">I", data, at)[0]]


def _with_second(boxes: bytes, entry: bytes, chunk: list[int]) -> bytes:
    """The boxes of an MP4's head; samples after those of this chunk have another description."""
    out, at = b"", 0
    while at < len(boxes):
        (size,), kind = struct.unpack_from(">I", boxes, at), boxes[at + 4 : at + 8]
        body = boxes[at + 8 : at + size]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            body = _with_second(body, entry, chunk)
        elif kind == b"stsd":
            body = struct.pack(">II", 0, 2) + body[8:] + entry
        elif kind == b"stsc":  # first chunk, samples of each, description
            (both,) = struct.unpack_from(">I", body, 12)
            rest = both - len(chunk)
            body = struct.pack(">8I", 0, 2, 1, len(chunk), 1, 2, rest, 2)
        elif kind == b"stco":
            (start,) = struct.unpack_from(">I", body, 8)
            body = struct.pack(">4I", 0, 2, start, start + sum(chunk))
        out += struct.pack(">I", len(body) + 8) + kind + body
        at += size
    return out

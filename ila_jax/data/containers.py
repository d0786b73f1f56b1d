"""The few bytes of container and codec headers that FFmpeg does not report."""

from av import Packet


def is_truncated(format_name: str, data: bytes) -> bool:
    """Whether an AVI, Matroska or WebM file is shorter than its own head says.

    MP4 needs no such test: its index lists every frame, and FFmpeg shows the index.
    """
    if format_name == "avi":
        return len(data) < 12 or int.from_bytes(data[4:8], "little") + 8 > len(data)
    if format_name.startswith("matroska"):
        return _matroska_size(data) > len(data)
    return False


def starts_afresh(codec: str, extradata: bytes | None, packet: Packet) -> bool:
    """Whether decoding from this key-frame packet on needs nothing that came before.

    H.264 and HEVC files mark frames as key frames that only begin a recovery (open groups,
    intra refresh); an instantaneous refresh (IDR) is the sure sign. Where it cannot be told: False.
    """
    if codec in ("vp9", "mpeg4", "mjpeg"):
        return True
    if codec == "h264" and extradata and extradata[0] == 1 and len(extradata) > 4:
        return any(unit & 31 == 5 for unit in _units(packet, (extradata[4] & 3) + 1))
    if codec == "hevc" and extradata and extradata[0] == 1 and len(extradata) > 21:
        return any((unit >> 1) & 63 in (19, 20) for unit in _units(packet, (extradata[21] & 3) + 1))
    return False


def _units(packet: Packet, length_bytes: int) -> list[int]:
    """First header byte of each NAL unit of a packet with length prefixes (ISO 14496-15)."""
    data = memoryview(packet)
    heads = []
    at = 0
    while at + length_bytes < len(data):
        heads.append(data[at + length_bytes])
        at += length_bytes + int.from_bytes(data[at : at + length_bytes], "big")
    return heads


def _matroska_size(data: bytes) -> int:
    """Bytes of the EBML head and the segment together; 0 where the segment's size is unknown."""
    at = 4  # the EBML identifier
    size, width = _ebml_number(data, at)
    at += width + size + 4  # over the head and the segment's identifier
    size, width = _ebml_number(data, at)
    if size == (1 << 7 * width) - 1:  # all ones: unknown, as in live streams
        return 0
    return at + width + size


def _ebml_number(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer of EBML: (value, bytes); (0, 1) past the end."""
    if at >= len(data) or data[at] == 0:
        return 0, 1
    width = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return value, width

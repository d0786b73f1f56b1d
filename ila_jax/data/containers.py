"""The few bytes of container and codec headers that FFmpeg does not report."""

from av import Packet

HEAD = 4096  # bytes, at a file's beginning, in which its size is written


def is_truncated(format_name: str, head: bytes, size: int, packets: int, entries: int) -> bool:
    """Whether a file holds less than its own head says.

    head: its first bytes, HEAD of them or all. size: of the file, in bytes. packets, entries: how
    many were found, and how many FFmpeg's index of the stream lists. The index of MP4 is its list
    of all frames; AVI, Matroska and WebM name their size in bytes.
    """
    if format_name.startswith("mov"):
        return packets < entries
    if format_name == "avi":
        return size < 12 or int.from_bytes(head[4:8], "little") + 8 > size
    if format_name.startswith("matroska"):
        return _matroska_size(head) > size
    return False


def starts_afresh(codec: str, extradata: bytes | None, packet: Packet) -> bool:
    """Whether decoding from this key-frame packet on needs nothing that came before.

    H.264 and HEVC files mark frames as key frames that only begin a recovery (open groups,
    intra refresh); an instantaneous refresh (IDR) is the sure sign. Where it cannot be told: False.
    """
    # AV1's containers may mark nothing else as a key frame than one that is shown and resets all.
    if codec in ("vp9", "av1", "libdav1d", "libaom-av1", "mpeg4", "mjpeg"):
        return True
    units = _units(codec, extradata, packet)
    if codec == "h264":
        return any(unit & 31 == 5 for unit in units)
    return any((unit >> 1) & 63 in (19, 20) for unit in units)  # IDR_W_RADL, IDR_N_LP


def is_unreferenced(codec: str, extradata: bytes | None, packet: Packet) -> bool:
    """Whether no other frame refers to this packet's, so that leaving it out changes nothing.

    H.264: nal_ref_idc is 0 in all its slices. MPEG-4: a B-VOP. Other codecs, and where it cannot
    be told: False. (HEVC's "sub-layer non-reference" pictures can still be referred to.)
    """
    if codec == "h264":
        slices = [unit for unit in _units(codec, extradata, packet) if 1 <= unit & 31 <= 5]
        return bool(slices) and all(unit & 0x60 == 0 for unit in slices)
    if codec == "mpeg4":
        data = bytes(packet)
        at = data.find(b"\0\0\1\xb6")  # the start of the only VOP (packed ones are not direct)
        return 0 <= at < len(data) - 4 and data[at + 4] >> 6 == 2
    return False


def _units(codec: str, extradata: bytes | None, packet: Packet) -> list[int]:
    """First header byte of each NAL unit of an H.264 or HEVC packet with length prefixes.

    Empty where the packets have start codes instead (ISO 14496-15 has a 1 in front of extradata).
    """
    place = {"h264": 4, "hevc": 21}.get(codec)
    if place is None or not extradata or extradata[0] != 1 or len(extradata) <= place:
        return []
    prefix = (extradata[place] & 3) + 1
    data = memoryview(packet)
    heads = []
    at = 0
    while at + prefix < len(data):
        heads.append(data[at + prefix])
        at += prefix + int.from_bytes(data[at : at + prefix], "big")
    return heads


def _matroska_size(head: bytes) -> int:
    """Bytes of the EBML head and the segment together; 0 where the segment's size is unknown."""
    at = 4  # the EBML identifier
    size, width = _ebml_number(head, at)
    at += width + size + 4  # over the head and the segment's identifier
    size, width = _ebml_number(head, at)
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

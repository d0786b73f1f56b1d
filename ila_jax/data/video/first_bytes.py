"""Checks whether a file begins like a video, where its name does not say. Nothing is decoded."""

HEAD = 1024  # bytes that it takes, with room for the four packets of a transport stream below

# A file with one of these beginnings is taken for a video. Other formats need a closer look, below.
_BEGINNINGS = (
    b"\x1a\x45\xdf\xa3",  # EBML: Matroska, WebM
    b"\x00\x00\x01\xba",  # MPEG program stream, DVD
    b"\x00\x00\x01\xb3",  # MPEG-1 and 2 video
    b"\x00\x00\x01\xb0",  # MPEG-4 video
    b"\x00\x00\x01\x67", b"\x00\x00\x00\x01\x67", b"\x00\x00\x00\x01\x27",  # H.264
    b"\x00\x00\x00\x01\x09",  # the same with a mark in front
    b"\x00\x00\x00\x01\x40\x01",  # HEVC, its parameters
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11",  # Windows' recorded TV
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01",  # MXF
    b"\x1f\x07\x00",  # DV
    b"FLV\x01", b".RMF", b"GIF87a", b"GIF89a", b"YUV4MPEG2 ", b"DKIF", b"DHAV", b"NSVf",
    b"nut/multimedia container", b"BIKi", b"SMK2", b"SMK4",
)  # fmt: skip
# Boxes that MP4 and QuickTime may begin with; only the first says what is in it.
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"pnot", b"styp")
_STILLS = (b"avif", b"heic", b"heix", b"mif1", b"crx ")
_SOUND = (b"M4A ", b"M4B ", b"M4P ", b"F4A ")
# A transport stream: (place of the first mark, bytes from one to the next).
_PACKETS = ((0, 188), (4, 192), (0, 204))


def is_video_head(head: bytes) -> bool:
    """Whether a file is a video, by its beginning. head: its first `HEAD` bytes, or all of it."""
    if head.startswith(_BEGINNINGS):
        return True
    if head[4:8] in _BOXES:
        return head[4:8] != b"ftyp" or head[8:12] not in _STILLS + _SOUND
    if head.startswith(b"RIFF"):
        return head[8:12] == b"AVI "  # and not WAVE or WEBP
    if head.startswith(b"OggS"):
        return b"\x80theora" in head or b"BBCD\0" in head or b"OVP80" in head
    return any(_has_packets(head, start, step) for start, step in _PACKETS)


def _has_packets(head: bytes, start: int, step: int) -> bool:
    # Four marks in a row: a single one, the letter G, begins many a text.
    return len(head) > start + 3 * step and all(head[start + k * step] == 0x47 for k in range(4))

"""Reads the bytes of container headers from which it follows that a file was cut off.

FFmpeg does not report these bytes. It reads a cut file to its end without an error, and gives fewer
frames than there should be.
"""

import os
from typing import BinaryIO

_HEAD = 4096  # bytes, at the beginning of an AVI or Matroska file, in which its size is written


def is_truncated(format_name: str, file: BinaryIO, packets: int, entries: int) -> bool:
    """Whether a file holds less than it says.

    format_name: FFmpeg's name of the container. packets: the number of packets that the file gave.
    entries: the number of them in FFmpeg's index of the stream. The index of MP4 is its list of all
    frames, or of those of the fragments that FFmpeg came to; AVI, Matroska and WebM name their size
    in bytes.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if format_name.startswith("mov"):
        return packets < entries or _is_fragment_cut(file, size)
    head = file.read(_HEAD)
    if format_name == "avi":
        # The size in a RIFF head does not count its own 8 bytes.
        return size < 12 or int.from_bytes(head[4:8], "little") + 8 > size
    if format_name.startswith("matroska"):
        return _matroska_size(head) > size
    return False


def _is_fragment_cut(file: BinaryIO, size: int) -> bool:
    """Whether an MP4 in fragments ends within one of its boxes.

    In a file of one piece the size of the last box may be wrong (recorders that lose power), and
    its list of frames tells better.
    """
    offset, has_fragments = 0, False
    while offset + 8 <= size:
        file.seek(offset)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:  # the size takes more than 32 bits, and stands behind the kind
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0: to the end; or no box at all
            return False
        has_fragments |= kind == b"moof"
        offset += length
    return offset > size and has_fragments


def _matroska_size(head: bytes) -> int:
    """Bytes of the EBML head and the segment together; 0 where the segment's size is unknown."""
    offset = 4  # the EBML identifier
    size, width = _ebml_number(head, offset)
    offset += width + size + 4  # over the head and the segment's identifier
    size, width = _ebml_number(head, offset)
    if size == (1 << 7 * width) - 1:  # all ones: unknown, as in live streams
        return 0
    return offset + width + size


def _ebml_number(data: bytes, offset: int) -> tuple[int, int]:
    """A variable-length integer of EBML as (value, bytes that it takes); (0, 1) past the end."""
    if offset >= len(data) or data[offset] == 0:
        return 0, 1
    # The zeros before the first 1 are as many as the bytes that follow the first one.
    width = 9 - data[offset].bit_length()
    value = int.from_bytes(data[offset : offset + width], "big") & ((1 << 7 * width) - 1)
    return value, width

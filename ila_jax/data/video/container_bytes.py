"""The few bytes of container headers that FFmpeg does not report."""

import os
from typing import BinaryIO

_HEAD = 4096  # bytes, at a file's beginning, in which its size is written


def is_truncated(format_name: str, file: BinaryIO, packets: int, entries: int) -> bool:
    """Whether a file holds less than it says.

    packets, entries: how many were found, and how many FFmpeg's index of the stream lists. The
    index of MP4 is its list of all frames, or of those of the fragments that FFmpeg came to; AVI,
    Matroska and WebM name their size in bytes.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if format_name.startswith("mov"):
        return packets < entries or _is_fragment_cut(file, size)
    head = file.read(_HEAD)
    if format_name == "avi":
        return size < 12 or int.from_bytes(head[4:8], "little") + 8 > size
    if format_name.startswith("matroska"):
        return _matroska_size(head) > size
    return False


def _is_fragment_cut(file: BinaryIO, size: int) -> bool:
    """Whether an MP4 in fragments ends within one of its boxes.

    In a file of one piece the size of the last may be wrong (recorders that lose power), and its
    list of frames tells better.
    """
    at, fragments = 0, False
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0: to the end; or no box at all
            return False
        fragments |= kind == b"moof"
        at += length
    return at > size and fragments


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

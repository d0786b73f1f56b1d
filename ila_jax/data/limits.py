"""What one video may take, of memory and of time. docs/data.md adds it up, under Reading."""

import threading
from collections.abc import Callable
from typing import TypeVar

from ila_jax.data.bad import BadVideo, Reason

# An encoded file is held twice while it is read: as it is, and cut into packets.
MAX_BYTES = 1 << 30
MAX_PACKETS = 1 << 19  # 4.8 hours at 30 frames a second; an empty packet takes memory as well
MAX_PIXELS = 1 << 25  # of a frame: 8K, 7680x4320 as well as 8192x4096
MAX_RATIO = 16  # of a frame's sides: resized by its short side, a strip's long side has no end

_T = TypeVar("_T")


def check_bytes(size: int) -> None:
    """Of an encoded file. Errors: BadVideo (TOO_LARGE)."""
    if size > MAX_BYTES:
        raise BadVideo(
            Reason.TOO_LARGE, f"{size >> 20} MiB, and {MAX_BYTES >> 20} MiB are allowed."
        )


def check_packets(count: int) -> None:
    """Of a video stream. Errors: BadVideo (TOO_LARGE)."""
    if count > MAX_PACKETS:
        raise BadVideo(Reason.TOO_LARGE, f"More than {MAX_PACKETS} frames.")


def check_picture(width: int, height: int) -> None:
    """In pixels. Errors: BadVideo (TOO_LARGE)."""
    found = f"Frames of {width}x{height} pixels"
    if width * height > MAX_PIXELS:
        raise BadVideo(Reason.TOO_LARGE, f"{found}, and {MAX_PIXELS} pixels (8K) are allowed.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise BadVideo(Reason.TOO_LARGE, f"{found}: one side is over {MAX_RATIO} times the other.")


class Unfinished(Exception):
    """Work that did not return in time, and may never do so."""


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """What `work` returns or raises. Errors: Unfinished when that takes longer.

    It runs in a thread of its own, which is left behind if it does not return: nothing can end a
    thread inside a decoder but the end of its process, which a daemon does not hold up.
    """
    outcome: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # raised again, in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name="video")
    thread.start()
    thread.join(seconds)
    if errors:
        # Taken off the list, which its traceback refers to: in a circle, a bad video's packets
        # would stay in memory until the garbage collector comes.
        raise errors.pop()
    if not outcome:
        raise Unfinished
    return outcome[0]

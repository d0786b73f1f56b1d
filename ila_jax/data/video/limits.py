"""What one video may take, of memory and of time. docs/data.md adds it up, under Reading."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ila_jax.data.video.bad import BadVideo, Reason

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


class Progress:
    """When work of unknown length last went on. The work calls it at each of its small steps."""

    def __init__(self) -> None:
        self()

    def __call__(self) -> None:
        self._at = time.monotonic()

    def idle(self) -> float:
        """Seconds since the last step."""
        return time.monotonic() - self._at


def within(seconds: float, work: Callable[[], _T], progress: Progress | None = None) -> _T:
    """What `work` returns or raises. Errors: Unfinished when that takes longer.

    progress: the time is for one step of the work, not for all of it.
    It runs in another thread, which is left behind if it does not return: nothing can end a thread
    inside a decoder but the end of its process, which a daemon does not hold up.
    """
    partner: _Partner = getattr(_own, "partner", None) or _Partner()
    # Until it has answered: one that is late, or was left by Ctrl-C, would answer the next call.
    _own.partner = None
    partner.todo.put(work)
    value, error = _awaited(partner.done, seconds, progress)
    _own.partner = partner
    if error is not None:
        try:
            raise error
        finally:
            # Its traceback refers to this: in a circle, a bad video's packets would stay in memory
            # until the garbage collector comes.
            del error
    return value


def _awaited(done: queue.SimpleQueue, seconds: float, progress: Progress | None) -> Any:
    left = seconds
    while True:
        try:
            return done.get(timeout=left)
        except queue.Empty:
            left = 0.0 if progress is None else seconds - progress.idle()
            if left <= 0:
                raise Unfinished from None


class _Partner:
    """A thread that works for another one, call after call, and ends with it.

    A new thread for each call would do, but takes a tenth of the loader's rate.
    """

    def __init__(self) -> None:
        self.todo: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        queues = (self.todo, self.done)  # not the partner itself, which would then never be dropped
        threading.Thread(target=_work, args=queues, daemon=True, name="video").start()

    def __del__(self) -> None:
        self.todo.put(None)


_own = threading.local()  # each thread's partner


def _work(todo: queue.SimpleQueue, done: queue.SimpleQueue) -> None:
    while (work := todo.get()) is not None:
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = (work(), None)
        except BaseException as error:  # raised again, in the thread that waits
            outcome = (None, error)
        done.put(outcome)
        del work, outcome  # nothing of a video stays until the next

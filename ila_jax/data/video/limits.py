"""Limits the memory and the time that one video may take. reading.md adds them up.

The limits are for files that are made to be too large, or that a decoder never returns from. A
single one of them would otherwise end a run of days.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ila_jax.commands import leave_behind
from ila_jax.data.video.bad import BadVideo, Reason

# An encoded file is held twice while it is read: as it is, and cut into packets.
MAX_BYTES = 1 << 30
MAX_PACKETS = 1 << 19  # 4.8 hours at 30 frames a second; an empty packet takes memory as well
MAX_PIXELS = 1 << 25  # of a frame: 8K, 7680x4320 as well as 8192x4096
MAX_RATIO = 16  # of a frame's sides: resized by its short side, a strip gets a huge long side

_T = TypeVar("_T")
_Outcome = tuple[Any, BaseException | None]  # what work has returned, and what it has raised


def check_bytes(size: int) -> None:
    """Checks the size of an encoded file, in bytes. Errors: BadVideo (TOO_LARGE)."""
    if size > MAX_BYTES:
        raise BadVideo(
            Reason.TOO_LARGE, f"{size >> 20} MiB, and {MAX_BYTES >> 20} MiB are allowed."
        )


def check_packets(count: int) -> None:
    """Checks the number of packets of a video stream. Errors: BadVideo (TOO_LARGE)."""
    if count > MAX_PACKETS:
        raise BadVideo(Reason.TOO_LARGE, f"More than {MAX_PACKETS} frames.")


def check_picture(width: int, height: int) -> None:
    """Checks the sides of a frame, in pixels. Errors: BadVideo (TOO_LARGE)."""
    size = f"Frames of {width}x{height} pixels"
    if width * height > MAX_PIXELS:
        raise BadVideo(Reason.TOO_LARGE, f"{size}, and {MAX_PIXELS} pixels (8K) are allowed.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise BadVideo(Reason.TOO_LARGE, f"{size}: one side is over {MAX_RATIO} times the other.")


class Unfinished(Exception):
    """Work that did not return in time, and may never do so."""


class Progress:
    """Remembers when work of unknown length last made a step. The work calls it at each step."""

    def __init__(self) -> None:
        self()

    def __call__(self) -> None:
        """Notes that a step was made now."""
        self._last_step = time.monotonic()

    def idle(self) -> float:
        """Seconds since the last step."""
        return time.monotonic() - self._last_step


def within(seconds: float, work: Callable[[], _T], progress: Progress | None = None) -> _T:
    """Does `work` and returns what it returns. Errors: Unfinished after `seconds`; those of `work`.

    progress: if given, the seconds are for one step of the work, not for all of it.
    The work runs in another thread, which is left behind if it does not return: nothing can end a
    thread inside a decoder but the end of its process, which a daemon thread does not hold up.
    """
    partner: _Partner = getattr(_thread_local, "partner", None) or _Partner()
    # The partner is taken away until it has answered. One that is late, or was left by Ctrl-C,
    # would give its old answer to the next call.
    _thread_local.partner = None
    partner.todo.put(work)
    value: _T
    value, error = _outcome_within(partner.done, seconds, progress)
    _thread_local.partner = partner
    if error is not None:
        try:
            raise error
        finally:
            # The error's traceback refers to this frame, and this frame to the error. In such a
            # circle a bad video's packets would stay in memory until the garbage collector comes.
            del error
    return value


def _outcome_within(
    done: "queue.SimpleQueue[_Outcome]", seconds: float, progress: Progress | None
) -> _Outcome:
    left = seconds
    while True:
        try:
            return done.get(timeout=left)
        except queue.Empty:
            # Steps were made while this waited: the seconds count from the last of them.
            left = 0.0 if progress is None else seconds - progress.idle()
            if left <= 0:
                leave_behind()
                raise Unfinished from None


class _Partner:
    """A thread that works for another one, call after call, and ends with it.

    A new thread for each call would do, but takes a tenth of the loader's speed.
    """

    def __init__(self) -> None:
        self.todo: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        # The thread gets the queues and not the partner itself, which would then never be dropped.
        queues = (self.todo, self.done)
        threading.Thread(target=_work, args=queues, daemon=True, name="video").start()

    def __del__(self) -> None:
        self.todo.put(None)  # ends the thread, once it has finished what it does


_thread_local = threading.local()  # holds each thread's partner


def _work(
    todo: "queue.SimpleQueue[Callable[[], Any] | None]", done: "queue.SimpleQueue[_Outcome]"
) -> None:
    while (work := todo.get()) is not None:
        outcome: _Outcome
        try:
            outcome = (work(), None)
        except BaseException as error:  # raised again, in the thread that waits
            outcome = (None, error)
        done.put(outcome)
        del work, outcome  # nothing of a video stays until the next

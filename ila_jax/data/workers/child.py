"""Starts child processes so that Ctrl-C is left to their parent, and ends them with it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

import cv2


@contextmanager
def interrupts_left_to_parent() -> Iterator[None]:
    """Processes that are started inside leave Ctrl-C to their parent, which then ends them.

    They do so from their first moment on, also while they still import what they need.
    """
    # A blocked signal stays blocked in a child. The tracker first: starting it unblocks.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def set_up_worker() -> None:
    """Keeps OpenCV to one thread in this process, and makes it end when its parent does."""
    cv2.setNumThreads(1)
    # PR_SET_PDEATHSIG would be shorter, but it is Linux's alone, and fires when the *thread* that
    # started this process ends: Grain starts its workers from threads of its own.
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns as soon as the parent is gone, however it died
        os._exit(1)

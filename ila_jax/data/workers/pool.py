"""Processes that work through videos which may hang or crash them: the video is named, they go on.

A pool of the standard library ends as a whole when one of its processes does.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, TypeVar

import cv2

from ila_jax.data.video.bad import Reason

T = TypeVar("T")
NO_ITEM = -1  # what a worker does takes as long as it takes, and is no item's fault


class Work(Protocol):
    """What a worker does; it must pickle."""

    def __call__(
        self, task: Any, skip: Mapping[int, Reason], begin: Callable[[int], None], /
    ) -> Any:
        """Does a task, telling `begin` of each item first, and of NO_ITEM when all are done.

        skip: items to leave alone.
        """
        ...


def run(
    work: Work,
    tasks: Sequence[T],
    *,
    processes: int,
    limit: float,
    progress: Callable[[int], None] = lambda items: None,
) -> Iterator[tuple[T, Any]]:
    """(task, result) as they are finished, in any order.

    limit: seconds for an item. A process that is over it, or that dies, is replaced, and its task
    done again: without that item where it happened at it twice, since a process may also be killed
    for want of memory, or sleep with the machine. progress: told how many items were begun,
    negative when a task begins again. Close the iterator to stop the workers.
    Errors: whatever `work` raises; RuntimeError when a process dies between items.
    """
    waiting = deque(tasks)
    skip: dict[T, dict[int, Reason]] = {task: {} for task in tasks}
    suspects: set[tuple[T, int]] = set()
    workers: list[_Worker] = []
    try:
        while len(workers) < min(processes, len(tasks)):
            workers.append(_Worker(work))
        while waiting or any(worker.busy for worker in workers):
            for worker in workers:
                if not worker.busy and waiting:
                    task = waiting.popleft()
                    worker.give(task, skip[task])
            busy = [worker for worker in workers if worker.busy]
            wait([worker.connection for worker in busy], timeout=min(1.0, limit / 4))
            for worker in busy:
                kind, value = worker.hear(limit)
                if kind == "begun":
                    progress(value)
                elif kind == "failed":
                    raise value
                elif kind == "done":
                    yield worker.task, value
                elif kind == "lost":
                    task, item = worker.task, worker.item
                    if (task, item) in suspects:
                        skip[task][item] = value
                    suspects.add((task, item))
                    progress(-worker.begun)
                    worker.stop()
                    workers[workers.index(worker)] = _Worker(work)
                    waiting.appendleft(task)
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """A process, seen from its parent."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        self.connection, there = context.Pipe()
        self._process = context.Process(target=_main, args=(there, work), daemon=True)
        # Ctrl-C is the parent's to answer, also while a child is still importing what it needs:
        # a blocked signal stays blocked in a child. The tracker first: starting it unblocks.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        there.close()  # so that the death of the process is the end of the connection
        self.task: Any = None
        self.item, self.begun, self.busy = NO_ITEM, 0, False
        self._since = 0.0  # when the item was begun

    def give(self, task: Any, skip: dict[int, Reason]) -> None:
        self.task, self.item, self.begun, self.busy = task, NO_ITEM, 0, True
        with contextlib.suppress(ConnectionError):  # it has died, which `hear` will find
            self.connection.send((task, skip))

    def hear(self, limit: float) -> tuple[str, Any]:
        """(what happened, its value): silent, begun, done, failed, or lost with the Reason."""
        try:
            if not self.connection.poll():
                over = self.item != NO_ITEM and time.monotonic() - self._since > limit
                return ("lost", Reason.TOO_SLOW) if over else ("silent", None)
            kind, value = self.connection.recv()
        except (EOFError, ConnectionError):
            if self.item == NO_ITEM:
                return "failed", RuntimeError(
                    "a worker process ended, and not while reading a video: it had too little "
                    'memory, or a script does this work without `if __name__ == "__main__":`'
                )
            return "lost", Reason.CRASHES
        if kind == "begun":
            self.item, self._since = value, time.monotonic()
            if value == NO_ITEM:
                return "silent", None
            self.begun += 1
            return kind, 1
        self.busy = False
        return kind, value

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _main(connection: Connection, work: Work) -> None:
    """The life of a worker process."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    while True:
        try:
            task, skip = connection.recv()
        except EOFError:
            return
        try:
            result = work(task, skip, lambda item: connection.send(("begun", item)))
            connection.send(("done", result))
        except Exception as error:
            connection.send(("failed", _sendable(error)))


def _sendable(error: Exception) -> Exception:
    """Errors of native code need not survive pickling."""
    if (
        isinstance(error, ValueError | OSError | RuntimeError)
        and type(error).__module__ == "builtins"
    ):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns as soon as the parent is gone, however it died
        os._exit(1)

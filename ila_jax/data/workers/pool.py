"""Works through videos in processes that these may hang or crash: names the video and goes on.

A pool of the standard library ends as a whole when one of its processes does.
"""

import contextlib
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Protocol, TypeVar

from ila_jax.data.video.bad import Reason
from ila_jax.data.workers.child import interrupts_left_to_parent, set_up_worker

T = TypeVar("T")
NO_ITEM = -1  # what a worker does takes as long as it takes, and is no item's fault


class Loss(NamedTuple):
    """How a worker process was lost over an item.

    exit_code: as multiprocessing has it, a signal's number negative; None where the process was
    ended because the item took too long.
    """

    reason: Reason
    exit_code: int | None


class Work(Protocol):
    """What a worker does; it must pickle."""

    def __call__(self, task: Any, skip: Mapping[int, Loss], begin: Callable[[int], None], /) -> Any:
        """Does a task. Calls `begin` with each item first, and with NO_ITEM when all are done.

        skip: items to leave alone, with how they ended their process.
        """
        ...


def run(
    work: Work,
    tasks: Sequence[T],
    *,
    processes: int,
    limit: float,
    attempts: int = 2,
    progress: Callable[[int], None] = lambda items: None,
) -> Generator[tuple[T, Any]]:
    """(task, result) as they are finished, in any order.

    limit: seconds for an item. attempts: a process that is over the limit, or that dies, is
    replaced, and its task done again; when this many were lost over an item, without the item. It
    is more than one where the item need not be at fault: a process may also be killed for want of
    memory, or sleep with the machine. progress: called with the number of items that were begun,
    negative when a task begins again. Close the iterator to stop the workers.
    Errors: whatever `work` raises; RuntimeError when a process dies between items.
    """
    waiting = deque(tasks)
    skip: dict[T, dict[int, Loss]] = {task: {} for task in tasks}
    losses = Counter[tuple[T, int]]()
    workers: list[_Worker] = []
    try:
        # Inside of `try`: where one cannot be started, those before it are ended.
        while len(workers) < min(processes, len(tasks)):
            workers.append(_Worker(work))
        while waiting or any(worker.busy for worker in workers):
            for worker in workers:
                if not worker.busy and waiting:
                    task = waiting.popleft()
                    worker.give(task, skip[task])
            busy = [worker for worker in workers if worker.busy]
            # A worker that hangs says nothing: it is looked at several times within the limit.
            wait([worker.connection for worker in busy], timeout=min(1.0, limit / 4))
            for worker in busy:
                event, value = worker.hear(limit)
                if event == "begun":
                    progress(value)
                elif event == "failed":
                    raise value
                elif event == "done":
                    yield worker.task, value
                elif event == "lost":
                    task, item = worker.task, worker.item
                    losses[task, item] += 1
                    if losses[task, item] >= attempts:
                        skip[task][item] = value
                    progress(-worker.begun)
                    worker.stop()
                    workers[workers.index(worker)] = _Worker(work)
                    waiting.appendleft(task)
    finally:  # also when the caller closes this generator in the middle
        for worker in workers:
            worker.stop()


class _Worker:
    """A process, seen from its parent."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        self.connection, child_end = context.Pipe()
        self._process = context.Process(target=_main, args=(child_end, work), daemon=True)
        with interrupts_left_to_parent():
            self._process.start()
        child_end.close()  # so that the death of the process is the end of the connection
        self.task: Any = None
        self.item, self.begun, self.busy = NO_ITEM, 0, False
        self._since = 0.0  # when the item was begun

    def give(self, task: Any, skip: dict[int, Loss]) -> None:
        """Sends a task to the process, which is idle."""
        self.task, self.item, self.begun, self.busy = task, NO_ITEM, 0, True
        with contextlib.suppress(ConnectionError):  # it has died, which `hear` will notice
            self.connection.send((task, skip))

    def hear(self, limit: float) -> tuple[str, Any]:
        """(event, value), without waiting for one.

        The value of "begun" is the number of items, of "done" the result, of "failed" the error,
        of "lost" the Loss; "silent" has none.
        """
        try:
            if not self.connection.poll():
                over = self.item != NO_ITEM and time.monotonic() - self._since > limit
                return ("lost", Loss(Reason.TOO_SLOW, None)) if over else ("silent", None)
            event, value = self.connection.recv()
        except (EOFError, ConnectionError):
            return self._death()
        # The clock starts where it is heard, so that importing and waiting cost no item its time.
        if event == "begun":
            self.item, self._since = value, time.monotonic()
            if value == NO_ITEM:
                return "silent", None
            self.begun += 1
            return event, 1
        self.busy = False
        return event, value

    def _death(self) -> tuple[str, Any]:
        """The event of a process that has ended by itself."""
        if self.item == NO_ITEM:
            return "failed", RuntimeError(
                "a worker process ended, and not while reading a video: it had too little "
                'memory, or a script does this work without `if __name__ == "__main__":`'
            )
        self._process.join()  # or it has no exit code yet
        return "lost", Loss(Reason.CRASHES, self._process.exitcode)

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _main(connection: Connection, work: Work) -> None:
    """The life of a worker process."""
    # Before the first task: the parent may be gone already.
    set_up_worker()
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
    """The error, or one with its message: errors of native code need not survive pickling."""
    if (
        isinstance(error, ValueError | OSError | RuntimeError)
        and type(error).__module__ == "builtins"
    ):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")

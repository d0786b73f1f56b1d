"""Videos are read and decoded in threads, while the model looks at those before them.

The threads are daemons, which no end of the process waits for: a decoder may hang on a damaged file
for ever, and Ctrl-C or an error would not end the command before its time limit has passed. That is
why this is no `ThreadPoolExecutor`, whose threads the interpreter joins.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def default_threads() -> int:
    """How many threads read videos where nobody says how many."""
    # At most 8: with 16 frames of 336 pixels, the 12 views of a video take 65 MB.
    return min(os.cpu_count() or 1, 8)


def work_ahead(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int
) -> Iterator[Future[_Result]]:
    """Yields the work on each item, in their order, while that on the next `threads` is done.

    What is yielded may hold an error, which its `result` raises. Memory holds the results of
    `threads` + 1 items: of all at once they would not fit.
    """
    begun = deque[Future[_Result]]()
    for item in items:
        begun.append(_begin(partial(work, item)))
        if len(begun) > threads:
            yield begun.popleft()
    while begun:
        yield begun.popleft()


def next_ahead(items: Iterable[_Item]) -> Iterator[_Item]:
    """The same items, of which the next one is made while the caller works with one."""
    iterator, end = iter(items), object()
    make_next = partial(next, iterator, end)
    following: Future[_Item] = _begin(make_next)
    while (item := following.result()) is not end:
        following = _begin(make_next)
        yield item


def _begin(work: Callable[[], _Result]) -> Future[_Result]:
    """The work, done in a thread of its own."""
    future = Future[_Result]()
    threading.Thread(target=_fulfil, args=(future, work), daemon=True, name="ahead").start()
    return future


def _fulfil(future: Future[_Result], work: Callable[[], _Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # raised again, for whoever asks for the result
        future.set_exception(error)
        # The error's traceback refers to this frame. Together they would stay in memory until the
        # garbage collector comes, and with them all that was read of the video.
        del future, work

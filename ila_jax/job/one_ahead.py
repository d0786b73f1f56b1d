"""Keeps devices busy while the host reads what they have computed, and loads what comes next."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")
_Begun = TypeVar("_Begun")


def one_ahead(begin: Callable[[_Item], _Begun], items: Iterable[_Item]) -> Iterator[_Begun]:
    """Yields what `begin` returns for each item, in order, when it has begun the next one as well.

    begin: calls compiled functions, which return before the devices are done. To read the results
    waits for the devices; by then they have the next item, and do not wait for the host. So memory
    holds two items with their results. Errors: those of `items` and `begin`, after what was begun.
    """
    begun = deque[_Begun]()
    try:
        for item in items:
            begun.append(begin(item))
            if len(begun) > 1:
                yield begun.popleft()
    except Exception:
        # What the devices have done already would be lost.
        yield from begun
        raise
    yield from begun

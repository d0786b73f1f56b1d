"""Work that is done ahead: in order, so far and no further, and nothing waits for what hangs."""

import threading
from itertools import count, islice

import pytest

from ila_jax.data.clips.ahead import next_ahead, work_ahead

# Seconds after which a test gives up that would else wait for ever; none waits for it in passing.
LONG = 60.0


def test_results_come_in_order_and_errors_in_their_place():
    third = threading.Event()

    def work(item):
        if item == 0:
            assert third.wait(LONG), "the work on the third item has not begun"
        if item == 2:
            third.set()
            raise ValueError("bad")
        return 10 * item

    results = work_ahead(work, range(5), threads=2)
    assert [next(results).result(), next(results).result()] == [0, 10]
    with pytest.raises(ValueError, match="bad"):
        next(results).result()
    assert [result.result() for result in results] == [30, 40]


def test_work_runs_no_further_ahead_than_it_has_threads():
    taken = []
    items = map(lambda item: taken.append(item) or item, count())
    results = work_ahead(lambda item: item, items, threads=3)
    for expected in range(4):
        assert next(results).result() == expected
        assert taken == list(range(expected + 4))


def test_the_next_item_is_made_while_one_is_worked_with():
    made = [threading.Event() for _ in range(3)]

    def items():
        for number, event in enumerate(made):
            event.set()
            yield number
        raise ValueError("broke off")

    given = next_ahead(items())
    for expected in range(3):
        assert next(given) == expected
        assert made[min(expected + 1, 2)].wait(LONG), "the next item is not being made"
    with pytest.raises(ValueError, match="broke off"):
        next(given)
    assert list(next_ahead(iter("abc"))) == ["a", "b", "c"]


def test_nothing_waits_for_work_that_hangs():
    """Neither the end of the loop nor that of the process, which waits for all but daemons."""
    release, others = threading.Event(), set(threading.enumerate())
    try:
        results = work_ahead(lambda item: item or release.wait(LONG), [5, 0, 0], threads=2)
        assert next(results).result() == 5
        results.close()
        given = next_ahead(islice(map(lambda item: item or release.wait(LONG), [5, 0]), 2))
        assert next(given) == 5
        given.close()
        hanging = set(threading.enumerate()) - others
        assert len(hanging) >= 3
        assert all(thread.daemon for thread in hanging)
    finally:
        release.set()

"""Devices have the next batch before the host reads the results of one, and no more than that."""

import pytest

from ila_jax.job.one_ahead import one_ahead


def test_the_next_item_is_begun_before_the_results_of_one_are_given():
    events = []

    def begin(item):
        events.append(f"begin {item}")
        return 10 * item

    for result in one_ahead(begin, iter(range(3))):
        events.append(f"read {result}")
    assert events == ["begin 0", "begin 1", "read 0", "begin 2", "read 10", "read 20"]
    assert list(one_ahead(begin, [])) == []
    assert list(one_ahead(begin, [7])) == [70]


def test_an_error_comes_after_what_was_begun_before_it():
    def items():
        yield 1
        yield 2
        raise ValueError("broke off")

    results = one_ahead(lambda item: item, items())
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="broke off"):
        next(results)

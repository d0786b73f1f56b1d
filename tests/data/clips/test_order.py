"""The order of the data: complete, different each epoch, the same for any number of processes."""

import numpy as np
import pytest

from ila_jax.data.clips.order import (
    BalancedOrder,
    EvaluationOrder,
    TrainOrder,
    balanced_draws,
    element_generator,
    permutation,
)


def steps(order: TrainOrder, count: int) -> list[list[tuple[int, int]]]:
    b = order.local_batch
    return [[order(s * b + r) for r in range(b)] for s in range(count)]


def test_an_epoch_shows_each_example_at_most_once_and_leaves_the_last_out():
    order = TrainOrder(n=23, batch=4, seed=0)
    assert order.steps_per_epoch == 5
    rows_in_order = steps(order, 15)
    left_out = []
    for epoch in range(3):
        part = [row for step in rows_in_order[epoch * 5 : epoch * 5 + 5] for row in step]
        assert {e for e, _ in part} == {epoch}
        examples = [i for _, i in part]
        assert len(set(examples)) == 20
        assert examples == permutation(23, 0, epoch)[:20].tolist()
        left_out.append(frozenset(range(23)) - set(examples))
    assert len(set(left_out)) == 3  # others each epoch


def test_epochs_and_seeds_differ():
    orders = [permutation(50, seed, epoch).tolist() for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(o) == list(range(50)) for o in orders)
    assert len({tuple(o) for o in orders}) == 4
    assert permutation(50, 1, 0).tolist() == orders[2]


def test_the_order_is_pinned():
    """A released run must be repeatable: this order may not change with a refactoring."""
    assert permutation(10, 0, 0).tolist() == [6, 9, 8, 0, 3, 1, 7, 4, 5, 2]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_global_batches_do_not_depend_on_processes(count):
    whole = steps(TrainOrder(n=30, batch=8, seed=3), 9)
    parts = [
        steps(TrainOrder(n=30, batch=8, seed=3, process_index=p, process_count=count), 9)
        for p in range(count)
    ]
    assert [[row for part in parts for row in part[s]] for s in range(9)] == whole


@pytest.mark.parametrize("after", [1, 2, 4])
@pytest.mark.parametrize("before", [1, 2, 4])
@pytest.mark.parametrize("n", [8, 24, 29])
def test_a_run_stopped_at_any_step_goes_on_with_any_number_of_processes(n, before, after):
    """Each example of an epoch exactly once, but for the n mod 8 that are left out of it."""

    def rows(processes, steps):
        for p in range(processes):
            order = TrainOrder(n, 8, seed=3, process_index=p, process_count=processes)
            b = order.local_batch
            yield from (order(position) for s in steps for position in range(s * b, s * b + b))

    epochs, steps = 2, n // 8
    for stop in range(epochs * steps + 1):
        rows_in_order = [*rows(before, range(stop)), *rows(after, range(stop, epochs * steps))]
        for epoch in range(epochs):
            examples = sorted(example for e, example in rows_in_order if e == epoch)
            left_out = set(permutation(n, 3, epoch)[n - n % 8 :].tolist())
            assert len(left_out) == n % 8
            assert examples == sorted(set(range(n)) - left_out)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 24])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_evaluation_shows_everything_once(n, count):
    orders = [EvaluationOrder(n, 8, process_index=p, process_count=count) for p in range(count)]
    rows = [o(k) for o in orders for k in range(o.steps * o.local_batch)]
    assert len(rows) == -(-n // 8) * 8
    assert sorted(r for r in rows if r >= 0) == list(range(n))


def test_randomness_of_elements():
    draws = {
        (s, e, i): element_generator(s, e, i).integers(1 << 60)
        for s in (0, 1)
        for e in (0, 1)
        for i in (0, 1, 2)
    }
    assert len(set(draws.values())) == 12
    assert element_generator(1, 0, 2).integers(1 << 60) == draws[1, 0, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 3, "batch": 4}, "3 videos do not fill one batch of 4"),
        ({"n": 9, "batch": 4, "process_count": 3}, "batch of 4 over 3 processes"),
        ({"n": 9, "batch": 4, "process_count": 2, "process_index": 2}, "process 2 of 2"),
    ],
)
def test_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        TrainOrder(**arguments, seed=0)


def test_permutations_cannot_be_spoiled():
    with pytest.raises(ValueError, match="read-only"):
        permutation(5, 0, 0)[0] = 1
    assert permutation(5, 0, 0).dtype == np.int64


UNBALANCED = np.array([0] * 20 + [1] * 7 + [2] * 2 + [5], np.int32)


def balanced(**settings) -> BalancedOrder:
    return BalancedOrder(n=30, batch=6, labels=UNBALANCED.tobytes(), **{"seed": 3} | settings)


def test_each_class_is_drawn_as_often_as_any_other():
    whole = [draw for step in steps(balanced(), 15) for _, draw in step]
    for epoch in range(3):
        draws = np.array(whole[30 * epoch : 30 * epoch + 30])
        # 30 draws of 4 classes: 7 or 8 of each.
        counts = np.bincount(UNBALANCED[draws % 30])[[0, 1, 2, 5]]
        assert sorted(counts) == [7, 7, 8, 8]
        # No draw twice, and of a class all examples before one of them again.
        assert len(set(draws)) == 30
        for label in (1, 2, 5):
            members = np.flatnonzero(np.equal(UNBALANCED, label))
            times = np.bincount(draws % 30, minlength=30)[members]
            assert times.max() - times.min() <= 1


def test_a_large_class_shows_others_in_each_epoch():
    order = balanced()
    shown = [
        frozenset(draw for _, draw in map(order, range(30 * e, 30 * e + 30)) if draw < 20)
        for e in range(4)
    ]
    assert len(set(shown)) == 4
    assert len(frozenset.union(*shown)) > 12


def test_where_an_epoch_leaves_rows_out_classes_are_still_drawn_alike_over_epochs():
    order = BalancedOrder(n=30, batch=8, seed=0, labels=UNBALANCED.tobytes())
    labels = UNBALANCED[[order(position)[1] % 30 for position in range(24 * 40)]]
    assert np.bincount(labels)[[0, 1, 2, 5]] == pytest.approx([240] * 4, abs=25)


@pytest.mark.parametrize("count", [2, 3])
def test_balanced_batches_do_not_depend_on_processes(count):
    whole = steps(balanced(), 12)
    parts = [steps(balanced(process_index=p, process_count=count), 12) for p in range(count)]
    assert [[row for part in parts for row in part[s]] for s in range(12)] == whole


def test_seeds_and_epochs_draw_otherwise_and_the_same_ones_alike():
    labels = UNBALANCED.tobytes()
    draws = [tuple(balanced_draws(labels, seed, epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(draws)) == 4
    balanced_draws.cache_clear()
    assert tuple(balanced_draws(labels, 1, 1)) == draws[3]


def test_the_balanced_order_is_pinned():
    """Video 4 is the only one of class 1 and 5 of class 2: 10 and 11 show them again."""
    labels = np.array([0, 0, 0, 0, 1, 2], np.int32).tobytes()
    assert balanced_draws(labels, 0, 0).tolist() == [0, 2, 10, 11, 4, 5]

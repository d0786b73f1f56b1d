"""Groups are given to the sides of a split: shares are met, and no class is forgotten."""

import numpy as np
import pytest

from ila_jax.data.split.assignment import assign

TWO = {"train": 0.8, "validation": 0.2}
THREE = {"train": 0.6, "validation": 0.2, "test": 0.2}


def given_out(classes, groups, fractions, *, seed=0, given=None):
    """Clips by (side, class). classes, groups: of each clip."""
    labels = np.eye(max(classes) + 1, dtype=bool)[classes]
    sides = assign(labels, np.array(groups), fractions, seed=seed, given=given or {})
    table = {side: np.zeros(labels.shape[1], int) for side in fractions}
    for label, group in zip(classes, groups, strict=True):
        table[sides[group]][label] += 1
    return {side: row.tolist() for side, row in table.items()}


@pytest.mark.parametrize("seed", range(3))
def test_single_clips_are_split_exactly_by_class(seed):
    classes = [0] * 50 + [1] * 10 + [2] * 5
    table = given_out(classes, range(65), TWO, seed=seed)
    assert table == {"train": [40, 8, 4], "validation": [10, 2, 1]}


def test_every_class_is_on_every_side_where_it_has_groups_enough():
    # Class 0 is large; class 1 has two clips, class 2 three, class 3 one.
    classes = [0] * 20 + [1, 1] + [2, 2, 2] + [3]
    table = given_out(classes, range(26), THREE)
    assert [row[2] for row in table.values()] == [1, 1, 1]
    assert [row[1] for row in table.values()] == [1, 1, 0]  # the first sides before the last
    assert [row[3] for row in table.values()] == [1, 0, 0]
    assert [row[0] for row in table.values()] == [12, 4, 4]


def test_groups_stay_whole_and_shares_are_met_as_they_allow():
    # Five groups of four of each of two classes: one group of each is a fifth.
    classes = [0] * 20 + [1] * 20
    groups = [k // 4 for k in range(40)]
    assert given_out(classes, groups, TWO) == {"train": [16, 16], "validation": [4, 4]}


def test_groups_of_several_classes_are_weighed_together():
    # Two groups hold all of class 1: one has to go to validation, with its clips of class 0.
    classes = [0, 0, 1, 0, 0, 1] + [0] * 24
    groups = [0, 0, 0, 1, 1, 1, *range(2, 26)]
    table = given_out(classes, groups, TWO)
    assert table["validation"][1] == table["train"][1] == 1
    assert table["validation"][0] == 5  # so that it has 6 of 30 clips


def test_given_sides_are_kept_and_weighed():
    classes = [0] * 10 + [1] * 10
    table = given_out(classes, range(20), TWO, given={0: "validation", 1: "validation"})
    assert table == {"train": [8, 8], "validation": [2, 2]}


def test_clips_of_several_classes_are_split_by_all_of_them():
    rng = np.random.default_rng(0)
    labels = rng.random((200, 6)) < np.array([0.5, 0.3, 0.2, 0.1, 0.05, 0.02])
    sides = np.array(assign(labels, np.arange(200), TWO, seed=0, given={}))
    share = labels[sides == "validation"].sum(0) / labels.sum(0)
    assert labels.sum(0).min() >= 3
    assert (np.abs(share - 0.2) * labels.sum(0) <= 1).all()  # to one clip, of every class
    assert 38 <= (sides == "validation").sum() <= 42


def test_the_seed_draws_and_nothing_else_does():
    classes = [0] * 30 + [1] * 30
    labels = np.eye(2, dtype=bool)[classes]
    one, again, other = (
        assign(labels, np.arange(60), TWO, seed=seed, given={}) for seed in (1, 1, 2)
    )
    assert one == again != other

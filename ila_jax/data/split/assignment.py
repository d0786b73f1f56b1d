"""Which side of a split each group of clips is on: every class on every side, as far as it goes."""

from collections.abc import Mapping

import numpy as np

# What it costs that a side lacks a class that it could have: more than any unevenness of sizes.
_ABSENT = 1e6


def assign(
    labels: np.ndarray,
    groups: np.ndarray,
    fractions: Mapping[str, float],
    *,
    seed: int,
    given: Mapping[int, str],
) -> list[str]:
    """The side of each group, so that each side has its share of the clips of each class.

    labels: bool [n, k], the classes of clips. groups: int [n], the group of each, from 0 on.
    fractions: of the sides, which sum to 1; the first side gets a class that has one group alone.
    given: the sides of groups that are on one already. The sides follow from the arguments alone.

    Rare classes are given out first, their largest groups before the others, each to the side that
    lacks most of the class (iterative stratification, Sechidis et al. 2011, section 3, here of
    groups). Then single groups change sides for as long as that brings the shares nearer.
    """
    # The last column counts all clips, also those of no class and once those of several.
    columns = np.column_stack([labels, np.ones(len(labels))])
    counts = np.zeros((groups.max() + 1, columns.shape[1]))
    np.add.at(counts, groups, columns)
    sides = list(fractions)
    balance = _Balance(counts, np.array(list(fractions.values())))
    free = [group for group in range(len(counts)) if group not in given]
    for group, side in given.items():
        balance.put(group, sides.index(side))
    # Groups of equal sizes come in an order that is drawn, and not in that of their names.
    drawn = np.random.default_rng(seed).permutation(len(counts))
    order = sorted(free, key=lambda group: (*_rarity(counts, group), drawn[group]))
    for group in order:
        balance.put(group, balance.best(group))
    improved = True
    while improved:
        improved = any([balance.improve(group) for group in order])
    return [sides[side] for side in balance.side]


def _rarity(counts: np.ndarray, group: int) -> tuple[float, float]:
    """How many clips its rarest class has, and how large the group is, the largest first."""
    totals = counts.sum(0)[counts[group] > 0]
    return totals.min(), -counts[group, -1]


class _Balance:
    """The clips of each class on each side, and what a group costs on a side."""

    def __init__(self, counts: np.ndarray, fractions: np.ndarray) -> None:
        """counts: clips [groups, k + 1], the last of any class. fractions: of the sides."""
        self._counts = counts
        self.side: list[int] = [-1] * len(counts)
        self._have = np.zeros((len(fractions), counts.shape[1]))
        totals = counts.sum(0)
        self._want = fractions[:, None] * totals
        self._weight = 1 / np.maximum(totals, 1)
        # The first sides come first where a class has fewer groups than there are sides.
        self._needed = np.arange(len(fractions))[:, None] < (counts > 0).sum(0)

    def put(self, group: int, side: int) -> None:
        """Puts a group that is on no side on a side."""
        self.side[group] = side
        self._have[side] += self._counts[group]

    def take(self, group: int) -> int:
        """Takes a group off its side, which is returned."""
        side, self.side[group] = self.side[group], -1
        self._have[side] -= self._counts[group]
        return side

    def best(self, group: int) -> int:
        """The side on which a group costs least, the first of equal ones."""
        return int(np.argmin([self._cost_with(group, side) for side in range(len(self._have))]))

    def improve(self, group: int) -> bool:
        """Moves a group to a side on which it costs less, if there is one; says whether it has."""
        before = self.take(group)
        costs = [self._cost_with(group, side) for side in range(len(self._have))]
        best = int(np.argmin(costs))
        # By more than rounding, or a group might go to and fro for ever.
        better = costs[best] < costs[before] - 1e-9
        self.put(group, best if better else before)
        return better

    def _cost_with(self, group: int, side: int) -> float:
        """What all sides cost with a group on one of them."""
        have = self._have.copy()
        have[side] += self._counts[group]
        uneven = ((have - self._want) ** 2 * self._weight).sum()
        return float(uneven + _ABSENT * (self._needed & (have == 0)).sum())

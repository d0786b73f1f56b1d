"""The order of the data, as a pure function of the seed and the position.

Both orders number the rows that one process loads: position 0, 1, … Process p of P loads rows
p·B/P to (p+1)·B/P of every global batch of B, so that the global batches do not depend on P, and
resuming at a step is starting at position step·B/P.

Nothing is remembered from one position to the next. A run that was stopped goes on with any number
of processes, and a worker can be started again anywhere, without a state that has to be saved.
"""

import functools
from dataclasses import dataclass

import numpy as np

# Kinds of randomness. Without them the shuffling of an epoch and the draws of its example 0 would
# come from the same stream of numbers.
_PERMUTATION, _ELEMENT, _BALANCED = 0, 1, 2


@dataclass(frozen=True)
class TrainOrder:
    """⌊n/B⌋ steps an epoch; the last n mod B of each epoch's permutation are left out.

    n: examples. batch: B, rows of a global batch. Errors: ValueError where n, B and P do not fit.
    """

    n: int
    batch: int
    seed: int
    process_index: int = 0
    process_count: int = 1

    def __post_init__(self) -> None:
        _check_split(self.batch, self.process_index, self.process_count)
        # Fewer videos would make epochs without a step.
        if self.n < self.batch:
            raise ValueError(
                f"{self.n} videos do not fill one batch of {self.batch}: "
                "expected at least as many videos; lower train.batch or add videos"
            )

    @property
    def local_batch(self) -> int:
        """How many rows of each global batch this process loads: B/P."""
        return self.batch // self.process_count

    @property
    def steps_per_epoch(self) -> int:
        """How many global batches an epoch has: ⌊n/B⌋."""
        return self.n // self.batch

    def __call__(self, position: int) -> tuple[int, int]:
        """The (epoch, draw) at a position of this process. Here a draw is an example."""
        step, row = divmod(position, self.local_batch)
        epoch, step = divmod(step, self.steps_per_epoch)
        # The place in the epoch's permutation is that of the row in the global batch. It depends on
        # which process loads it only by the row, so that P processes together show what one would.
        place = step * self.batch + self.process_index * self.local_batch + row
        return epoch, int(self._draws(epoch)[place])

    def _draws(self, epoch: int) -> np.ndarray:
        return permutation(self.n, self.seed, epoch)


@dataclass(frozen=True)
class BalancedOrder(TrainOrder):
    """As many draws an epoch, of each class as many as of any other, as near as n allows.

    A class with fewer examples than draws shows all of them before one of them again, one with more
    shows others in each epoch. Draw d is example d mod n, shown for the (d // n + 1)-th time in the
    epoch: it is cropped and cut into frames anew each time.

    labels: int32 [n] as bytes, which can be hashed.
    """

    labels: bytes = b""

    def _draws(self, epoch: int) -> np.ndarray:
        return balanced_draws(self.labels, self.seed, epoch)


@dataclass(frozen=True)
class EvaluationOrder:
    """Every example from `first` on exactly once over all processes; -1 fills the last batch.

    n: examples. batch: B, rows of a global batch. Errors: ValueError where B and P, or n and
    `first`, do not fit.
    """

    n: int
    batch: int
    process_index: int = 0
    process_count: int = 1
    first: int = 0

    def __post_init__(self) -> None:
        _check_split(self.batch, self.process_index, self.process_count)
        if not 0 <= self.first <= self.n:
            raise ValueError(
                f"video {self.first} of {self.n} to begin with: expected 0 to {self.n}"
            )

    @property
    def local_batch(self) -> int:
        """How many rows of each global batch this process loads: B/P."""
        return self.batch // self.process_count

    @property
    def steps(self) -> int:
        """How many global batches it takes, the same for all processes, the last one filled up."""
        return -(-(self.n - self.first) // self.batch)

    def __call__(self, position: int) -> int:
        """The example at a position of this process, or -1."""
        step, row = divmod(position, self.local_batch)
        place = self.first + step * self.batch + self.process_index * self.local_batch + row
        # Every process has a row for every place: a process with fewer batches than the others
        # would keep them waiting for it for ever in a computation that all devices take part in.
        return place if place < self.n else -1


@functools.lru_cache(maxsize=4)  # threads may straddle two epochs
def permutation(n: int, seed: int, epoch: int) -> np.ndarray:
    """The order of all n examples in an epoch: int64 [n], not to be written to."""
    order = _generator(seed, _PERMUTATION, epoch, 0).permutation(n)
    order.flags.writeable = False  # it is cached, and the next caller gets the same array
    return order


@functools.lru_cache(maxsize=4)
def balanced_draws(labels: bytes, seed: int, epoch: int) -> np.ndarray:
    """The draws of an epoch, in their order: int64 [n], not to be written to.

    labels: int32 [n] as bytes. Draw d is example d mod n, as in `BalancedOrder`.
    """
    label = np.frombuffer(labels, np.int32)
    rng = _generator(seed, _BALANCED, epoch, 0)
    classes = rng.permutation(np.unique(label))
    draws = []
    for k, name in enumerate(classes):
        # Draws that cannot be shared out evenly go to other classes in each epoch.
        count = len(label) // len(classes) + (k < len(label) % len(classes))
        members = rng.permutation(np.flatnonzero(label == name))
        times, place = np.divmod(np.arange(count), len(members))
        draws.append(members[place] + times * len(label))
    order = rng.permutation(np.concatenate(draws))
    order.flags.writeable = False
    return order


def element_generator(seed: int, epoch: int, draw: int) -> np.random.Generator:
    """All the randomness on the host of one draw of an example in one epoch."""
    return _generator(seed, _ELEMENT, epoch, draw)


def _generator(seed: int, kind: int, epoch: int, example: int) -> np.random.Generator:
    # A key and no sum such as seed + epoch: seed 0 in epoch 1 must not repeat seed 1 in epoch 0.
    sequence = np.random.SeedSequence(seed, spawn_key=(kind, epoch, example))
    # Philox by name, since numpy may change what `default_rng` is.
    return np.random.Generator(np.random.Philox(sequence))


def _check_split(batch: int, process_index: int, process_count: int) -> None:
    if batch < 1 or process_count < 1 or batch % process_count:
        raise ValueError(
            f"a batch of {batch} over {process_count} processes: expected a positive multiple of "
            "the number of processes"
        )
    if not 0 <= process_index < process_count:
        raise ValueError(f"process {process_index} of {process_count}: expected 0 or more, below")

"""Which videos take the place of one that cannot be read: the next ones of its class."""

import numpy as np

from ila_jax.data.sources.source import VideoSource
from ila_jax.data.video.bad import BadVideo

# A video and its replacements: so many unreadable ones of a class in a row stop the run. It is also
# the length of the table of bad videos in each row of a batch, which is the same for all rows.
MAX_TRIES = 16


class Replacements:
    """For each video of a source the videos of its class that may be shown instead of it.

    The choice depends on the annotations alone, and not on what has failed before: every process
    and every epoch shows the same video in the place of a bad one, also after a restart.
    """

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        # Videos grouped by class. A stable sort keeps those of a class in the order of the
        # annotations, so that a search finds the place of a video among them.
        self._by_class = np.argsort(source.labels, kind="stable")
        self._sorted_labels = source.labels[self._by_class]

    def candidates(self, index: int) -> list[int]:
        """The video itself, then the next ones of its class, around to the first of the class.

        There are at most MAX_TRIES of them.
        """
        label = self._source.labels[index]
        low, high = np.searchsorted(self._sorted_labels, [label, label + 1])
        members = self._by_class[low:high]
        place = int(np.searchsorted(members, index))
        places = np.arange(place, place + min(MAX_TRIES, len(members)))
        numbers: list[int] = members.take(places, mode="wrap").tolist()
        return numbers

    def none_left(self, index: int, problems: list[BadVideo]) -> ValueError:
        """The error for a video none of whose candidates could be read. problems: one for each."""
        return ValueError(
            f"no video of class {self._source.labels[index]} to show: all {len(problems)} tried "
            f"cannot be read, the first is {self._source.name(index)} ({problems[0]}) "
            "Repair the files, or take the class off the list"
        )

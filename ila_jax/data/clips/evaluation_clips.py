"""Evaluation clips by number. Here a video that cannot be read is masked, and never replaced.

A replacement would be scored under another video's name: the accuracy would be of other videos than
the list's.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import numpy as np

from ila_jax.data.clips.element import blank_label, element
from ila_jax.data.clips.order import EvaluationOrder, element_generator
from ila_jax.data.clips.reading import VideoReader
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.sources.source import ground_truth
from ila_jax.data.video.bad import BadVideo

FrameOrder = Literal["forward", "reversed", "shuffled"]


class VideoViews(Protocol):
    """What is made of a video to be evaluated: one clip, or several views of it.

    It is sent to worker processes, so that it must pickle.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it makes, the same for every video."""
        ...

    def __call__(self, data: bytes, video: int) -> tuple[np.ndarray, bool]:
        """Makes (uint8 of `shape`, whether frames repeat) of the bytes of a file.

        video: its number in the data set. Errors: BadVideo.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class OneClip:
    """The clip of validation, its frames forwards, backwards or shuffled.

    seed: of the shuffled orders. Errors: ValueError for an unknown or impossible order.
    """

    recipe: ClipRecipe
    frame_order: FrameOrder
    seed: int

    def __post_init__(self) -> None:
        if self.frame_order not in ("forward", "reversed", "shuffled"):
            raise ValueError(
                f"frame_order is {self.frame_order!r}: expected forward, reversed or shuffled"
            )
        if self.frame_order == "shuffled" and self.recipe.frames < 2:
            raise ValueError("one frame cannot be shuffled: expected recipe.frames of at least 2")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a clip: t, size, size, 3."""
        return (self.recipe.frames, self.recipe.size, self.recipe.size, 3)

    def __call__(self, data: bytes, video: int) -> tuple[np.ndarray, bool]:
        """Makes the clip of an encoded video, as `VideoViews` describes it."""
        return self.recipe.evaluation_clip(data, self._order_of_frames(video))

    def _order_of_frames(self, video: int) -> np.ndarray:
        forward = np.arange(self.recipe.frames)
        if self.frame_order == "forward":
            return forward
        if self.frame_order == "reversed":
            return forward[::-1]
        rng = element_generator(self.seed, 0, video)
        # Drawn again until it differs from the right order. With few frames the right order comes
        # up often, and would be scored as if the frames had been shuffled.
        shuffled = rng.permutation(forward)
        while np.array_equal(shuffled, forward):
            shuffled = rng.permutation(forward)
        return shuffled


class EvaluationClips:
    """Evaluation elements by number, for Grain. Unreadable videos and padding are masked zeros."""

    def __init__(self, reader: VideoReader, views: VideoViews, order: EvaluationOrder) -> None:
        self._read, self._truth = reader, ground_truth(reader.source)
        self._views, self._order = views, order

    def __len__(self) -> int:
        return self._order.steps * self._order.local_batch

    def __getitem__(self, position: int) -> dict[str, np.ndarray]:
        """The row at a position, as `pipeline.evaluation_batches` describes it."""
        index = self._order(int(position))
        bad: list[tuple[int, int]] = []
        if index >= 0:
            try:
                video, short = self._read(index, partial(self._views, video=index))
                row = element(video, self._truth[index], index, short, bad, tries=1)
                return row | {"mask": np.asarray(True)}
            except BadVideo as error:
                bad.append((index, error.reason))
        video = np.zeros(self._views.shape, np.uint8)
        # An unreadable video keeps its label and number, so that it can be counted and named.
        label = self._truth[index] if index >= 0 else blank_label(self._truth)
        row = element(video, label, index, short=False, bad=bad, tries=1)
        return row | {"mask": np.asarray(False)}

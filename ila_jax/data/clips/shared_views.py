"""The views that several models take of one video, from one decode where that is possible.

A decoded frame is shrunk at once. Views of frames that are shrunk alike can share a decode: each
takes its own frames and crops of the same pictures.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ila_jax.data.clips.views import Views
from ila_jax.data.video.decode import VideoIndex, decode


@dataclass(frozen=True)
class SharedViews:
    """Views whose frames are shrunk alike (`shrunk_alike`), called as one `Views` is."""

    views: Sequence[Views]

    def frames(self, count: int, video: int) -> np.ndarray:
        """The frames of all clips of all views, for a video of `count` frames: int64 [n]."""
        return np.concatenate([views.frames(count, video).ravel() for views in self.views])

    def shrink(self, frame: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
        """One frame, uint8 [h, w, 3], made as small as the crops of all are taken from."""
        return self.views[0].shrink(frame, pixel_aspect)

    def cut(self, frames: np.ndarray, pictures: np.ndarray) -> list[np.ndarray]:
        """What each of the views is of a video: uint8 of its `shape`.

        frames: int64 [n], as `frames` gives them. pictures: uint8 [f, h, w, 3], each of them once,
        in ascending order and shrunk.
        """
        numbers = np.unique(frames)
        sizes = [views.clips * views.recipe.frames for views in self.views]
        parts = np.split(frames, np.cumsum(sizes)[:-1])
        return [
            # `Views.cut` expects the pictures of its own frames and no others.
            views.cut(
                part.reshape(views.clips, views.recipe.frames),
                pictures[np.searchsorted(numbers, np.unique(part))],
            )
            for views, part in zip(self.views, parts, strict=True)
        ]


def shrunk_alike(views: Sequence[Views]) -> list[list[int]]:
    """The numbers of these views, in groups of those that are cut from equally shrunk frames."""
    groups = defaultdict[tuple[int, bool], list[int]](list)
    for number, item in enumerate(views):
        groups[item.short_side, item.recipe.square_pixels].append(number)
    return list(groups.values())


def decode_views(index: VideoIndex, views: Sequence[Views]) -> list[np.ndarray]:
    """What each of the views is of a video, uint8 of its `shape`, with few decodes.

    Random clips are those of video number 0. Errors: BadVideo.
    """
    results: dict[int, np.ndarray] = {}
    for numbers in shrunk_alike(views):
        shared = SharedViews([views[number] for number in numbers])
        frames = shared.frames(index.count, 0)
        pictures = decode(index, np.unique(frames), transform=shared.shrink)
        results.update(zip(numbers, shared.cut(frames, pictures), strict=True))
    return [results[number] for number in range(len(views))]

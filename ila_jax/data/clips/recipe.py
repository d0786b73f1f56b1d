"""What a clip is made of: which frames of its video are chosen, and how they are cut and resized.

The numbers of the frames come from `sampling.py`, the pixels from `transforms.py`. `ClipRecipe`
puts them together, for training and for evaluation.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from ila_jax.config import Config
from ila_jax.data.clips.sampling import dense, dense_clip, interleaved_clip, interval, segments
from ila_jax.data.clips.transforms import CentreCrop, MultiScaleCrop, ShortSide, short_side
from ila_jax.data.video import limits
from ila_jax.data.video.decode import decode, index_video

Sampling = Literal["segments", "interval", "dense"]


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """How one clip of `frames` frames and `size` x `size` pixels is made of a video.

    sampling: how training chooses frames, as described in `sampling.py`. Evaluation chooses fixed
    ones: in the middle of the video if dense, and otherwise over the whole of it.
    scales: those of `MultiScaleCrop`, which only training uses; none for the middle square.
    stride: from one frame of a dense clip to the next; None for the other ways of sampling.
    square_pixels: see `DataConfig`. Errors: ValueError where sampling and stride do not fit.
    """

    frames: int
    size: int
    sampling: Sampling
    scales: tuple[float, ...]
    stride: int | None = None
    square_pixels: bool = False

    def __post_init__(self) -> None:
        if (self.sampling == "dense") != (self.stride is not None):
            raise ValueError(
                f"sampling {self.sampling} with a stride of {self.stride}: expected a number of "
                "frames with dense sampling, None with any other"
            )

    def random_frames(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """The frames of a training clip, of a video of `count` frames: int64 [t], ascending."""
        if self.stride is not None:
            return dense(count, self.frames, stride=self.stride, rng=rng)
        if self.sampling == "segments":
            return segments(count, self.frames, rng)
        return interval(count, self.frames)

    def fixed_frames(self, count: int, *, clip: int = 0, clips: int = 1) -> np.ndarray:
        """The frames of clip k of n to evaluate, the same each time: int64 [t], ascending."""
        if self.stride is None:
            return interleaved_clip(count, self.frames, clip=clip, clips=clips)
        return dense_clip(count, self.frames, stride=self.stride, clip=clip, clips=clips)

    def train_clip(self, data: bytes, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
        """A random clip of an encoded video: (uint8 [t, size, size, 3], whether frames repeat).

        Errors: BadVideo.
        """
        index = index_video(data)
        # The frames are drawn before the crop: the order of the draws is part of what a seed means,
        # and a released run must be repeatable.
        video = decode(index, self.random_frames(index.count, rng), transform=self.shrink)
        return self.crop(video, rng), index.count < self.frames

    def crop(self, video: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The square of a training clip, the same of every frame: uint8 [t, size, size, 3].

        video: uint8 [t, h, w, 3], of any size.
        """
        if not self.scales:
            return CentreCrop(self.size)(ShortSide(short_side(self.size))(video))
        return MultiScaleCrop(self.size, self.scales)(video, rng)

    def evaluation_clip(self, data: bytes, order: np.ndarray) -> tuple[np.ndarray, bool]:
        """The fixed clip of an encoded video, and of each frame the middle square.

        Returns the same as `train_clip`. order: int [t], the order in which the chosen frames are
        shown; 0 … t-1 shows them forwards. Errors: BadVideo.
        """
        index = index_video(data)
        video = decode(index, self.fixed_frames(index.count)[order], transform=self.shrink)
        return CentreCrop(self.size)(video), index.count < self.frames

    def shrink(self, frame: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
        """One frame, uint8 [h, w, 3], made as small as a clip is cut from; `decode` calls it.

        pixel_aspect: width to height of the frame's pixels. Errors: BadVideo, as `shrink_to`.
        """
        return self.shrink_to(short_side(self.size), frame, pixel_aspect)

    def shrink_to(self, pixels: int, frame: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
        """One frame, uint8 [h, w, 3], with a short side of so many pixels.

        Errors: BadVideo where square pixels would make a strip of it.
        """
        if pixel_aspect == 1 or not self.square_pixels:
            return ShortSide(pixels).frame(frame)
        # A file may name any aspect for its pixels. The limit on the sides was checked for the
        # stored frame, and has to hold for the frame that becomes of it as well.
        height, width = frame.shape[:2]
        limits.check_picture(round(width * pixel_aspect), height)
        return ShortSide(pixels, pixel_aspect).frame(frame)


def clip_recipe(config: Config) -> ClipRecipe:
    """The recipe of a run's clips, as its configuration describes them."""
    return ClipRecipe(
        frames=config.model.frames,
        size=config.model.geometry().resolution,
        sampling=config.data.sampling,
        stride=config.data.stride,
        scales=config.augment.scales,
        square_pixels=config.data.square_pixels,
    )

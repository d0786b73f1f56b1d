"""All views of a video, clips in time and crops in space, from one decode (training.md, "test").

Evaluations, predictions and features of single videos all go through `Views`, so that they see the
same pixels of a video.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from ila_jax.config import Config, ModelConfig
from ila_jax.data.clips.order import element_generator
from ila_jax.data.clips.recipe import ClipRecipe, clip_recipe
from ila_jax.data.clips.transforms import SpreadCrops, short_side
from ila_jax.data.video.decode import decode, index_video

# The most clips, and the most crops: a zero too many is an error before it fills the memory.
_MOST = 1000


@dataclass(frozen=True, kw_only=True)
class Views:
    """n clips × m crops of a video; view k·m + j is crop j of clip k.

    sampling: `fixed` clips are the same each time and evenly interleaved, or evenly spread if the
    recipe is dense; `random` ones are drawn as the released code draws them, here from the seed
    and the video. Several crops lie along the long side, the short side being `recipe.size`. One
    crop is the middle of the larger picture that training's validation looks at.
    """

    recipe: ClipRecipe
    clips: int
    crops: int
    sampling: Literal["fixed", "random"]
    seed: int

    def __post_init__(self) -> None:
        if not 1 <= min(self.clips, self.crops) <= max(self.clips, self.crops) <= _MOST:
            raise ValueError(
                f"{self.clips} clips x {self.crops} crops: expected 1 to {_MOST} of each"
            )
        if self.sampling not in ("fixed", "random"):
            raise ValueError(f"sampling is {self.sampling!r}: expected fixed or random")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a video's views: v, t, size, size, 3."""
        size = self.recipe.size
        return (self.clips * self.crops, self.recipe.frames, size, size, 3)

    @property
    def short_side(self) -> int:
        """The short side, in pixels, of a frame that the crops are taken from."""
        # Several crops see the whole of the short side, as the released code's three do. One crop
        # is cut from the larger picture of the validation, whose edges it leaves out.
        return self.recipe.size if self.crops > 1 else short_side(self.recipe.size)

    def __call__(self, data: bytes, video: int) -> tuple[np.ndarray, bool]:
        """The views of an encoded video: (uint8 of `shape`, whether frames repeat).

        video: its number in the data set, which random clips depend on. Errors: BadVideo.
        """
        index = index_video(data)
        clips = self.frames(index.count, video)
        # A frame that several clips share is decoded and resized once, and so is one that several
        # crops are cut from. That is why views are not made one after the other.
        pictures = decode(index, np.unique(clips), transform=self.shrink)
        return self.cut(clips, pictures), index.count < self.recipe.frames

    def of_frames(self, frames: np.ndarray, video: int = 0) -> np.ndarray:
        """The views of a decoded video, uint8 [f, h, w, 3], of square pixels: uint8 of `shape`."""
        clips = self.frames(len(frames), video)
        pictures = np.stack([self.shrink(frames[k], Fraction(1)) for k in np.unique(clips)])
        return self.cut(clips, pictures)

    def shrink(self, frame: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
        """One frame, uint8 [h, w, 3], made as small as the crops are taken from.

        pixel_aspect: width to height of the frame's pixels. Errors: BadVideo.
        """
        return self.recipe.shrink_to(self.short_side, frame, pixel_aspect)

    def cut(self, clips: np.ndarray, pictures: np.ndarray) -> np.ndarray:
        """The views, uint8 of `shape`, cut from shrunk frames.

        clips: int64 [clips, t], as `frames` gives them. pictures: uint8 [f, h, w, 3], each frame of
        the clips once, in ascending order and shrunk.
        """
        # For each frame of a clip its place among the pictures.
        _, places = np.unique(clips, return_inverse=True)
        views = np.empty((self.clips, self.crops, *self.shape[1:]), np.uint8)
        for crop, squares in enumerate(SpreadCrops(self.recipe.size, self.crops)(pictures)):
            views[:, crop] = squares[places.reshape(clips.shape)]
        return views.reshape(self.shape)

    def frames(self, count: int, video: int) -> np.ndarray:
        """Which frames of a video of `count` frames make its clips: int64 [clips, t].

        video: its number in the data set, which random clips depend on.
        """
        if self.sampling == "fixed":
            clips = range(self.clips)
            return np.stack(
                [self.recipe.fixed_frames(count, clip=k, clips=self.clips) for k in clips]
            )
        rng = element_generator(self.seed, 0, video)
        # The released code draws from segments for every data set, also where training does not.
        dense = self.recipe.stride is not None
        recipe = self.recipe if dense else dataclasses.replace(self.recipe, sampling="segments")
        return np.stack([recipe.random_frames(count, rng) for _ in range(self.clips)])


def evaluation_views(config: Config) -> Views:
    """The views that the evaluation of a run makes of each video."""
    return Views(
        recipe=clip_recipe(config),
        clips=config.evaluation.clips,
        crops=config.evaluation.crops,
        sampling=config.evaluation.sampling,
        seed=config.train.seed,
    )


def paper_views(model: ModelConfig) -> Views:
    """The views that the paper tests with: 4 clips over the whole video x 3 crops.

    They are those of training.md, "test".
    """
    recipe = ClipRecipe(
        frames=model.frames,
        size=model.geometry().resolution,
        sampling="segments",
        scales=(1.0,),  # training's; nothing here uses them
    )
    return Views(recipe=recipe, clips=4, crops=3, sampling="fixed", seed=0)


def views_from_dict(values: Mapping[str, Any]) -> Views:
    """The views that `dataclasses.asdict` made these values of, also after a way through JSON.

    Errors: ValueError, TypeError.
    """
    recipe = values["recipe"]
    return Views(
        **dict(values) | {"recipe": ClipRecipe(**recipe | {"scales": tuple(recipe["scales"])})}
    )

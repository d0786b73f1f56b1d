"""All views of a video, clips in time and crops in space, from one decode (training.md, "test")."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ila_jax.data.clips import ClipRecipe
from ila_jax.data.decode import decode, index_video
from ila_jax.data.order import element_generator
from ila_jax.data.transforms import ShortSide, SpreadCrops, short_side


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
        if min(self.clips, self.crops) < 1:
            raise ValueError(f"{self.clips} clips x {self.crops} crops: expected 1 or more of each")
        if self.sampling not in ("fixed", "random"):
            raise ValueError(f"sampling is {self.sampling!r}: expected fixed or random")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a video's views: v, t, size, size, 3."""
        size = self.recipe.size
        return (self.clips * self.crops, self.recipe.frames, size, size, 3)

    def __call__(self, data: bytes, video: int) -> tuple[np.ndarray, bool]:
        """(uint8 of `shape`, whether frames repeat). video: its number. Errors: BadVideo."""
        index = index_video(data)
        clips = self.frames(index.count, video)
        wanted, places = np.unique(clips, return_inverse=True)
        size = self.recipe.size
        shrink = ShortSide(size if self.crops > 1 else short_side(size)).frame
        pictures = decode(index, wanted, each=shrink)
        views = np.empty((self.clips, self.crops, *self.shape[1:]), np.uint8)
        for crop, squares in enumerate(SpreadCrops(size, self.crops)(pictures)):
            views[:, crop] = squares[places.reshape(clips.shape)]
        return views.reshape(self.shape), index.count < self.recipe.frames

    def frames(self, count: int, video: int) -> np.ndarray:
        """Which frames of a video of `count` make its clips: int64 [clips, t]."""
        if self.sampling == "fixed":
            clips = range(self.clips)
            return np.stack([self.recipe.fixed(count, clip=k, clips=self.clips) for k in clips])
        rng = element_generator(self.seed, 0, video)
        # The released code draws from segments for every data set, also where training does not.
        dense = self.recipe.stride is not None
        recipe = self.recipe if dense else dataclasses.replace(self.recipe, sampling="segments")
        return np.stack([recipe.drawn(count, rng) for _ in range(self.clips)])

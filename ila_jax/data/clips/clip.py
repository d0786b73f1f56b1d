"""One video to one training or validation clip: its frames, its pixels, and what if it is bad."""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Literal, Protocol

import numpy as np

from ila_jax.config import Config
from ila_jax.data.clips.order import EvaluationOrder, TrainOrder, element_generator
from ila_jax.data.clips.reading import Reader
from ila_jax.data.clips.sampling import clip_of, dense, dense_clip_of, interval, segments
from ila_jax.data.clips.transforms import CentreCrop, MultiScaleCrop, ShortSide, short_side
from ila_jax.data.video import limits
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video

Sampling = Literal["segments", "interval", "dense"]
FrameOrder = Literal["forward", "reversed", "shuffled"]
# A video and its replacements: so many unreadable ones of a class in a row stop the run.
TRIES = 16


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """What a clip is made of. scales: of MultiScaleCrop, for training only.

    sampling: of training clips, see `sampling.py`; clips to evaluate are fixed, in the middle of
    the video if dense, and else over the whole of it. stride: frames between two of a dense clip.
    square_pixels: see `DataConfig`. Errors: ValueError.
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

    def drawn(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """A training clip's frames of a video of `count`: int64 [t]."""
        if self.stride is not None:
            return dense(count, self.frames, stride=self.stride, rng=rng)
        if self.sampling == "segments":
            return segments(count, self.frames, rng)
        return interval(count, self.frames)

    def fixed(self, count: int, *, clip: int = 0, clips: int = 1) -> np.ndarray:
        """The frames of clip k of n to evaluate, the same each time: int64 [t]."""
        if self.stride is None:
            return clip_of(count, self.frames, clip=clip, clips=clips)
        return dense_clip_of(count, self.frames, stride=self.stride, clip=clip, clips=clips)

    def train_clip(self, data: bytes, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
        """(uint8 [t, size, size, 3], whether frames repeat). Errors: BadVideo."""
        index = index_video(data)
        video = decode(index, self.drawn(index.count, rng), each=self.shrink)
        return MultiScaleCrop(self.size, self.scales)(video, rng), index.count < self.frames

    def evaluation_clip(self, data: bytes, order: np.ndarray) -> tuple[np.ndarray, bool]:
        """As `train_clip`, with the middle of the picture; order: int [t], 0 … t-1 if forward."""
        index = index_video(data)
        video = decode(index, self.fixed(index.count)[order], each=self.shrink)
        return CentreCrop(self.size)(video), index.count < self.frames

    def shrink(self, frame: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
        """One frame, uint8 [h, w, 3], as small as a clip is cut from: for `decode`."""
        return self.shrink_to(short_side(self.size), frame, pixel_aspect)

    def shrink_to(self, pixels: int, frame: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
        """The same with another short side. Errors: BadVideo where it would become a strip."""
        if pixel_aspect == 1 or not self.square_pixels:
            return ShortSide(pixels).frame(frame)
        height, width = frame.shape[:2]
        limits.check_picture(round(width * pixel_aspect), height)
        return ShortSide(pixels, pixel_aspect).frame(frame)


def clip_recipe(config: Config) -> ClipRecipe:
    """How a run makes its clips."""
    return ClipRecipe(
        frames=config.model.frames,
        size=config.model.geometry().resolution,
        sampling=config.data.sampling,
        stride=config.data.stride,
        scales=config.augment.scales,
        square_pixels=config.data.square_pixels,
    )


class TrainClips:
    """Training elements by number, for Grain: a pure function of seed, position and files."""

    def __init__(
        self,
        reader: Reader,
        recipe: ClipRecipe,
        order: TrainOrder,
        *,
        first: int,
        count: int,
        replace: bool,
    ) -> None:
        """first, count: positions of this process's order that are elements 0 … count-1."""
        self._read, self._source = reader, reader.source
        self._recipe, self._order = recipe, order
        self._first, self._count, self._replace = first, count, replace
        labels = reader.source.labels
        self._by_class = np.argsort(labels, kind="stable")
        self._sorted = labels[self._by_class]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, element: int) -> dict[str, np.ndarray]:
        epoch, asked = self._order(self._first + int(element))
        bad: list[tuple[int, int]] = []
        problems: list[BadVideo] = []
        for index in self._candidates(asked):
            # Anew for each try: the clip shown does not depend on how a bad file failed.
            rng = element_generator(self._order.seed, epoch, asked)
            try:
                video, short = self._read(index, partial(self._recipe.train_clip, rng=rng))
            except BadVideo as error:
                if not self._replace:
                    raise error.of(self._source.name(index)) from error
                bad.append((index, error.reason))
                problems.append(error)
                continue
            return _element(video, self._source.labels[index], index, short, bad, TRIES)
        raise ValueError(self._all_bad(asked, problems))

    def _candidates(self, index: int) -> list[int]:
        """The video itself, then the next ones of its class, around to the first."""
        label = self._source.labels[index]
        low, high = np.searchsorted(self._sorted, [label, label + 1])
        members = self._by_class[low:high]
        place = int(np.searchsorted(members, index))
        return np.roll(members, -place)[:TRIES].tolist() if place else members[:TRIES].tolist()

    def _all_bad(self, index: int, problems: list[BadVideo]) -> str:
        return (
            f"no video of class {self._source.labels[index]} to show: all {len(problems)} tried "
            f"cannot be read, the first is {self._source.name(index)} ({problems[0]}) "
            "Repair the files, or take the class off the list"
        )


class Show(Protocol):
    """What is shown of a video, of one shape. It is sent to worker processes: it must pickle."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __call__(self, data: bytes, video: int) -> tuple[np.ndarray, bool]:
        """(uint8 of `shape`, whether frames repeat). video: its number. Errors: BadVideo."""
        ...


@dataclass(frozen=True, kw_only=True)
class OneClip:
    """The clip of validation, its frames forwards, backwards or shuffled. Errors: ValueError."""

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
        return (self.recipe.frames, self.recipe.size, self.recipe.size, 3)

    def __call__(self, data: bytes, video: int) -> tuple[np.ndarray, bool]:
        return self.recipe.evaluation_clip(data, self._frames(video))

    def _frames(self, video: int) -> np.ndarray:
        forward = np.arange(self.recipe.frames)
        if self.frame_order == "forward":
            return forward
        if self.frame_order == "reversed":
            return forward[::-1]
        rng = element_generator(self.seed, 0, video)
        shuffled = rng.permutation(forward)
        while np.array_equal(shuffled, forward):
            shuffled = rng.permutation(forward)
        return shuffled


class EvaluationClips:
    """Evaluation elements by number, for Grain. Unreadable videos and padding are masked zeros."""

    def __init__(self, reader: Reader, show: Show, order: EvaluationOrder) -> None:
        self._read, self._source = reader, reader.source
        self._show, self._order = show, order

    def __len__(self) -> int:
        return self._order.steps * self._order.local_batch

    def __getitem__(self, element: int) -> dict[str, np.ndarray]:
        index = self._order(int(element))
        bad: list[tuple[int, int]] = []
        if index >= 0:
            try:
                video, short = self._read(index, partial(self._show, video=index))
                out = _element(video, self._source.labels[index], index, short, bad, 1)
                return out | {"mask": np.asarray(True)}
            except BadVideo as error:
                bad.append((index, error.reason))
        video = np.zeros(self._show.shape, np.uint8)
        label = self._source.labels[index] if index >= 0 else -1
        return _element(video, label, index, False, bad, 1) | {"mask": np.asarray(False)}


def _element(
    video: np.ndarray, label: int, index: int, short: bool, bad: list[tuple[int, int]], tries: int
) -> dict[str, np.ndarray]:
    table = np.full((tries, 2), -1, np.int32)
    table[: len(bad)] = np.array(bad, np.int32).reshape(-1, 2)
    return {
        "video": np.ascontiguousarray(video),
        "label": np.asarray(label, np.int32),
        "index": np.asarray(index, np.int32),
        "short": np.asarray(short, np.bool_),
        "bad": table,
    }

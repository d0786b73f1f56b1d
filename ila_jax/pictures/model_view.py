"""Shows one video to several models, so that their pictures stand side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ila_jax.data.clips.transforms import CentreCrop
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import VideoIndex, decode, index_video
from ila_jax.data.video.files import read_file
from ila_jax.pictures.block_maps import block_maps
from ila_jax.pictures.kinds import ModelView
from ila_jax.pictures.overlay import enlarged
from ila_jax.recognizer import Recognizer


def titles(names: Sequence[str], recognizers: Sequence[Recognizer]) -> list[str]:
    """Each model's temporal model, and its name as well where two have the same."""
    # Short where that is enough: names of runs are long, and captions are cut off.
    kinds = [recognizer.config.temporal for recognizer in recognizers]
    return [
        kind if kinds.count(kind) == 1 else f"{kind} ({name})"
        for kind, name in zip(kinds, names, strict=True)
    ]


def check_frames(names: Sequence[str], recognizers: Sequence[Recognizer]) -> None:
    """Checks that models can stand side by side: they take equally many frames of a clip.

    Errors: ValueError where their columns would not match.
    """
    frames = {
        name: recognizer.config.frames for name, recognizer in zip(names, recognizers, strict=True)
    }
    if len(set(frames.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in frames.items())
        raise ValueError(
            f"side by side, models take equally many frames of a clip, and these take {counts}: "
            "give those of one number at a time"
        )


def show(video: Path, title: str, recognizer: Recognizer, *, side: int) -> ModelView:
    """What a model sees in a video's clip, the first that evaluation takes, cropped in the middle.

    side: the side of its frames in the picture, in pixels.
    Errors: BadVideo naming the file.
    """
    try:
        return _show(index_video(read_file(video)), title, recognizer, side)
    except BadVideo as error:
        raise error.of(str(video)) from error


def _show(index: VideoIndex, title: str, recognizer: Recognizer, side: int) -> ModelView:
    # One clip, whatever number the evaluation takes: a picture is of one.
    recipe = recognizer.views.recipe
    numbers = recipe.fixed_frames(index.count)
    clip = CentreCrop(recipe.size)(decode(index, numbers, transform=recipe.shrink))
    return ModelView(
        title, enlarged(clip, side), block_maps(recognizer, clip[None]), _columns(index, numbers)
    )


def _columns(index: VideoIndex, numbers: np.ndarray) -> list[str]:
    """What each frame of the clip is: its number in the video, from 0, and its time."""
    return [f"frame {number}, {index.times[number]:.2f} s" for number in numbers]

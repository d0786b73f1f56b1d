"""One video shown to several models, so that their pictures stand side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ila_jax.data.clips.transforms import CentreCrop
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import VideoIndex, decode, index_video
from ila_jax.data.video.files import read_file
from ila_jax.pictures.kinds import Shown
from ila_jax.pictures.looking import looked
from ila_jax.pictures.overlay import enlarged
from ila_jax.recognizer import Recognizer


def titles(names: Sequence[str], recognizers: Sequence[Recognizer]) -> list[str]:
    """Each model's temporal model, and its name as well where two have the same."""
    kinds = [recognizer.config.temporal for recognizer in recognizers]
    return [
        kind if kinds.count(kind) == 1 else f"{kind} ({name})"
        for kind, name in zip(kinds, names, strict=True)
    ]


def check_frames(names: Sequence[str], recognizers: Sequence[Recognizer]) -> None:
    """Errors: ValueError for models of different numbers of frames, whose columns do not match."""
    frames = {name: each.config.frames for name, each in zip(names, recognizers, strict=True)}
    if len(set(frames.values())) > 1:
        found = ", ".join(f"{name} {count}" for name, count in frames.items())
        raise ValueError(
            f"side by side, models take equally many frames of a clip, and these take {found}: "
            "give those of one number at a time"
        )


def show(video: Path, title: str, recognizer: Recognizer, *, side: int) -> Shown:
    """What a model sees in a video's clip. side: of its frames in the picture, in pixels.

    The clip is the first that evaluation takes, in the middle of the picture.
    Errors: BadVideo naming the file.
    """
    try:
        return _show(index_video(read_file(video)), title, recognizer, side)
    except BadVideo as error:
        raise error.of(str(video)) from error


def _show(index: VideoIndex, title: str, recognizer: Recognizer, side: int) -> Shown:
    made = recognizer.views.recipe
    numbers = made.fixed_frames(index.count)
    clip = CentreCrop(made.size)(decode(index, numbers, transform=made.shrink))
    return Shown(
        title, enlarged(clip, side), looked(recognizer, clip[None]), _columns(index, numbers)
    )


def _columns(index: VideoIndex, numbers: np.ndarray) -> list[str]:
    return [f"frame {number}, {index.times[number]:.2f} s" for number in numbers]

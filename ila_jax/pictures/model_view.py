"""Shows one video to several models, so that their pictures stand side by side."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ila_jax.data.clips.shared_views import decode_views
from ila_jax.data.clips.views import Views
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import VideoIndex, index_video
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
        index = index_video(read_file(video))
        ((clip,),) = decode_views(index, [picture_views(recognizer)])
        return view_of(clip, index, title, recognizer, side=side)
    except BadVideo as error:
        raise error.of(str(video)) from error


def picture_views(recognizer: Recognizer) -> Views:
    """What `view_of` takes of a video: the first clip of the evaluation, the middle alone."""
    # One clip, whatever number the evaluation takes: a picture is of one.
    return dataclasses.replace(recognizer.views, clips=1, crops=1, sampling="fixed")


def view_of(
    clip: UInt8[np.ndarray, "t h w 3"],
    index: VideoIndex,
    title: str,
    recognizer: Recognizer,
    *,
    side: int,
) -> ModelView:
    """What a model sees in a clip of a video, which `picture_views` was cut to."""
    columns = _columns(index, picture_views(recognizer).frames(index.count, 0)[0])
    return ModelView(title, enlarged(clip, side), block_maps(recognizer, clip[None]), columns)


def _columns(index: VideoIndex, numbers: np.ndarray) -> list[str]:
    """What each frame of the clip is: its number in the video, from 0, and its time."""
    return [f"frame {number}, {index.times[number]:.2f} s" for number in numbers]

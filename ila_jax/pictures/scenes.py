"""Reads the quickstart's validation clips (motion pairs) as the model sees them, with boxes.

The clips are cropped like those of an evaluation, and each frame has the box of its object.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.transforms import CentreCrop
from ila_jax.data.sources.annotations import read_list
from ila_jax.data.synthetic import motion_pairs
from ila_jax.data.synthetic.motion import CLASSES, FRAMES
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.video.files import read_file
from ila_jax.files.json_files import read_object
from ila_jax.pictures.shares import in_clip


@dataclass(frozen=True, eq=False)
class Scenes:
    """Clips, and the box x0 y0 x1 y1 of the object that moves in each frame.

    Boxes are fractions of the frame's width and height. others: of the objects that do not move,
    NaN where a clip has fewer than another; n = 0 in the layout of one object.
    """

    clips: UInt8[np.ndarray, "v t h w 3"]
    boxes: Float[np.ndarray, "v t 4"]
    others: Float[np.ndarray, "v n t 4"]


def read_scenes(folder: Path, recipe: ClipRecipe, progress: Callable[[str], None]) -> Scenes:
    """Reads the validation clips of a folder of motion pairs, as a model's recipe makes them.

    progress: called with the name of each clip. Errors: ValueError; BadVideo naming the file.
    """
    width, height = _frame_size(folder)
    clips: list[np.ndarray] = []
    boxes: list[np.ndarray] = []
    others: list[np.ndarray] = []
    for example in read_list(folder / "validation.txt", folder, len(CLASSES)):
        name = Path(example.path).relative_to(folder / "videos").with_suffix(".npy")
        # The file has the boxes of all its frames: those of the clip's frames are picked.
        clip, numbers = _clip(example.path, recipe)
        clips.append(clip)
        for of_frames, shares in (
            (_mover(folder / "boxes" / name), boxes),
            (_others(folder / "objects" / name), others),
        ):
            in_pixels = of_frames[:, numbers]
            shares.append(in_clip(in_pixels, height=height, width=width, size=recipe.size))
        progress(name.stem)
    most = max(map(len, others))
    padded = [
        np.pad(of_clip, ((0, most - len(of_clip)), (0, 0), (0, 0)), constant_values=np.nan)
        for of_clip in others
    ]
    return Scenes(np.stack(clips), np.concatenate(boxes), np.stack(padded))


def _mover(path: Path) -> np.ndarray:
    """The boxes of the object that moves, in pixels, [1, f, 4]. Errors: ValueError."""
    boxes: np.ndarray = _read(path)[None]
    return boxes


def _others(path: Path) -> np.ndarray:
    """The boxes of the objects that do not move, [n, f, 4]; none where there is one object alone.

    Errors: ValueError.
    """
    if not path.parent.is_dir():
        # As many frames as any video has: there is no box in them.
        return np.zeros((0, FRAMES[1], 4))
    boxes: np.ndarray = _read(path.with_suffix(".npz"))["boxes"][1:]
    return boxes


def _read(path: Path) -> Any:
    """The arrays of a file, in the memory. Errors: ValueError."""
    try:
        # Opened here, since numpy leaves a file open that it cannot read.
        with path.open("rb") as file:
            arrays: Any = np.load(file)
            return arrays if isinstance(arrays, np.ndarray) else dict(arrays)
    # What numpy raises of damaged files is of several kinds.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read ({error}): expected the boxes of an object; draw the set "
            "anew by python -m ila_jax.data.synthetic"
        ) from error


def _clip(path: str, recipe: ClipRecipe) -> tuple[np.ndarray, np.ndarray]:
    """A clip, uint8 [t, size, size, 3], and the numbers of its frames in the video.

    Errors: BadVideo naming the file.
    """
    try:
        index = index_video(read_file(path))
        numbers = recipe.fixed_frames(index.count)
        shrunk = decode(index, numbers, transform=recipe.shrink)
    except BadVideo as error:
        raise error.of(path) from error
    return CentreCrop(recipe.size)(shrunk), numbers


def count_scenes(folder: Path) -> int:
    """The number of clips that `read_scenes` reads.

    Errors: ValueError for a folder without motion pairs.
    """
    _frame_size(folder)
    return len(read_list(folder / "validation.txt", folder, len(CLASSES)))


def _frame_size(folder: Path) -> list[int]:
    """Width and height of the videos, in pixels. Errors: ValueError, as `count_scenes`."""
    settings = folder / motion_pairs.SETTINGS
    if not settings.is_file() or not (folder / "boxes").is_dir():
        raise ValueError(
            f"{folder} is no folder of motion pairs, whose objects' boxes are known: make one with "
            "python -m ila_jax.data.synthetic --output DIR"
        )
    size: list[int] = read_object(settings, {"size"}, "the settings of motion pairs")["size"]
    return size

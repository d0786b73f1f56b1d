"""Motion pairs as a model sees them, with the boxes of their objects."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.transforms import CentreCrop
from ila_jax.data.sources.annotations import read_list
from ila_jax.data.synthetic import motion_pairs
from ila_jax.data.synthetic.motion import CLASSES
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video
from ila_jax.data.video.files import read_file
from ila_jax.files.json_files import read_object
from ila_jax.pictures.shares import in_clip


@dataclass(frozen=True, eq=False)
class Scenes:
    """Clips, and the box x0 y0 x1 y1 of the object in each frame, as shares of its sides."""

    clips: UInt8[np.ndarray, "v t h w 3"]
    boxes: Float[np.ndarray, "v t 4"]


def read_scenes(folder: Path, recipe: ClipRecipe, step: Callable[[str], None]) -> Scenes:
    """The validation clips of a folder of motion pairs. Errors: ValueError, BadVideo."""
    width, height = _frame_size(folder)
    clips, boxes = [], []
    for example in read_list(folder / "validation.txt", folder, len(CLASSES)):
        name = Path(example.path).relative_to(folder / "videos").with_suffix(".npy")
        clip, numbers = _clip(example.path, recipe)
        clips.append(clip)
        found = _boxes(folder / "boxes" / name)[numbers]
        boxes.append(in_clip(found, height=height, width=width, size=recipe.size))
        step(name.stem)
    return Scenes(np.stack(clips), np.stack(boxes))


def _boxes(path: Path) -> np.ndarray:
    """Of all frames of a video. Errors: ValueError."""
    try:
        with path.open("rb") as file:  # numpy leaves one open that it cannot read
            return np.load(file)
    except Exception as error:  # numpy has several kinds
        raise ValueError(
            f"{path} cannot be read ({error}): expected the boxes of an object; draw the set "
            "anew by python -m ila_jax.data.synthetic"
        ) from error


def _clip(path: str, recipe: ClipRecipe) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [t, size, size, 3], and the frames that it is made of. Errors: BadVideo naming it."""
    try:
        index = index_video(read_file(path))
        numbers = recipe.fixed_frames(index.count)
        shrunk = decode(index, numbers, transform=recipe.shrink)
    except BadVideo as error:
        raise error.of(path) from error
    return CentreCrop(recipe.size)(shrunk), numbers


def count_scenes(folder: Path) -> int:
    """How many `read_scenes` reads. Errors: ValueError for what is no folder of motion pairs."""
    _frame_size(folder)
    return len(read_list(folder / "validation.txt", folder, len(CLASSES)))


def _frame_size(folder: Path) -> list[int]:
    """Width and height of the videos."""
    settings = folder / motion_pairs.SETTINGS
    if not settings.is_file() or not (folder / "boxes").is_dir():
        raise ValueError(
            f"{folder} is no folder of motion pairs, whose objects' boxes are known: make one with "
            "python -m ila_jax.data.synthetic --output DIR"
        )
    about = read_object(settings, {"size"}, "the settings of motion pairs")
    return about["size"]

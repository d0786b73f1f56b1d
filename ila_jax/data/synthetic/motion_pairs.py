"""Makes the quickstart data set, motion pairs: H.264 videos of eight motions, made on the spot.

Each class is the time reversal of its partner (motion-pairs.md): only a model that sees
the order of frames can tell partners apart. It reads like any other data set: annotation lists and
mp4 files.
"""

import os
from pathlib import Path
from typing import Any

from ila_jax.config import DataConfig
from ila_jax.data.synthetic.made import check_settings, is_there
from ila_jax.data.synthetic.videos import LAYOUTS, SPLITS, write_videos
from ila_jax.files.json_files import json_text
from ila_jax.files.unfinished import partial_folder, remove_leftovers
from ila_jax.files.writable import check_writable

SETTINGS = "motion_pairs.json"
WHAT = "a motion-pairs data set"
# Of those that draw for a run: each takes some 100 MB, and more find little to do here.
_MOST_PROCESSES = 8
VERSION = 1  # of the drawing: raise it whenever the same seed would give other videos
# Width and height in pixels, by layout. A centre crop shows all of a square frame's height and
# width alike, and the scattered objects are small.
FRAME_SIZES = {name: (64, 48) if name == "middle" else (64, 64) for name in LAYOUTS}


def make(
    directory: str | os.PathLike[str],
    *,
    train_clips: int,
    validation_clips: int,
    seed: int,
    size: tuple[int, int] | None = None,
    processes: int = 2,
    layout: str = "middle",
) -> Path:
    """Makes the data set, or finds it made with the same settings; returns its folder.

    Everything is written into a hidden folder beside `directory` and renamed at the end: a folder
    of that name is always whole. What is drawn depends on the seed, not on `processes`; with 1
    the calling process draws, else spawned ones do (a script that calls this needs the usual
    `if __name__ == "__main__":`).

    directory: will hold train.txt, validation.txt, classes.txt, videos/, boxes/, motion_pairs.json,
    and objects/ where a clip has several. size: width and height of the videos in pixels; None
    takes the layout's. layout: a key of LAYOUTS: one object in the middle, or several anywhere.
    Errors: ValueError on impossible settings, or when the folder holds something else; OSError.
    """
    target = Path(directory).absolute()
    clips = {"train": train_clips, "validation": validation_clips}
    _check(clips, seed, size, processes, layout)
    size = size or FRAME_SIZES[layout]
    settings = {"version": VERSION, "seed": seed, "size": list(size)} | {
        f"{split}_clips": count for split, count in clips.items()
    }
    # Sets of the first layout that were drawn before there was another do not name it.
    if layout != "middle":
        settings["layout"] = layout
    # Of processes that were killed. It is done also where the data is found, since nobody else
    # will.
    remove_leftovers(target)
    if _is_made(target, settings):
        return target
    check_writable(target)
    with partial_folder(target) as unfinished:
        write_videos(unfinished, clips, seed, size, processes, layout)
        # Last, as the mark of a finished folder: only with it is one taken for this data set.
        (unfinished / SETTINGS).write_text(json_text(settings, indent=2))
        _rename(unfinished, target, settings)
    return target


def ensure(data: DataConfig) -> None:
    """Makes the motion pairs of a configuration, if it has any, on all cores.

    Errors: those of `make`.
    """
    pairs = data.motion_pairs
    if pairs is not None:
        make(
            data.root,
            train_clips=pairs.train_clips,
            validation_clips=pairs.validation_clips,
            seed=pairs.seed,
            processes=min(os.cpu_count() or 1, _MOST_PROCESSES),
            layout=pairs.layout,
        )


def _check(
    clips: dict[str, int], seed: int, size: tuple[int, int] | None, processes: int, layout: str
) -> None:
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {layout!r}: expected one of {', '.join(LAYOUTS)}")
    for split, count in clips.items():
        if count <= 0 or count % 8:
            above = max(8, -(-count // 8) * 8)
            raise ValueError(
                f"{split}_clips is {count}: expected a positive multiple of 8, so that the eight "
                f"classes have equally many; the next one is {above}"
            )
    if seed < 0:
        raise ValueError(f"seed is {seed}: expected 0 or more")
    if size is not None and (min(size) < 16 or any(side % 2 for side in size)):
        raise ValueError(f"size is {size}: expected even numbers of pixels, 16 or more (H.264)")
    if processes < 1:
        raise ValueError(f"processes is {processes}: expected 1 or more")


def _is_made(target: Path, settings: dict[str, Any]) -> bool:
    """Whether the folder is this data set; ValueError when it is something else."""
    if not is_there(target, SETTINGS, WHAT):
        return False
    check_settings(target, SETTINGS, settings, WHAT)
    # A folder was whole when it got its name. Files that are missing now were deleted since.
    for split in SPLITS:
        count = len(list((target / "videos" / split).glob("*.mp4")))
        listed = (target / f"{split}.txt").is_file() and (target / "classes.txt").is_file()
        if count != settings[f"{split}_clips"] or not listed:
            raise ValueError(
                f"{target} has lost files ({count} of {settings[f'{split}_clips']} {split} videos "
                "are there): delete the folder and run again"
            )
    return True


def _rename(unfinished: Path, target: Path, settings: dict[str, Any]) -> None:
    """Gives the finished folder its name, unless another process was first with the same data."""
    try:
        os.rename(unfinished, target)
    except OSError:
        if not _is_made(target, settings):
            raise

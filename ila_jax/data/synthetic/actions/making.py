"""Makes the data set: a folder of videos for each class, and a table of the truth beside them."""

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ila_jax.data.synthetic.actions.drawing import Drawing
from ila_jax.data.synthetic.actions.faults import damage, nearly_same
from ila_jax.data.synthetic.actions.plan import Clip, plan
from ila_jax.data.synthetic.actions.scene import scene
from ila_jax.data.synthetic.actions.take import take
from ila_jax.data.synthetic.h264 import write_h264
from ila_jax.data.synthetic.made import check_settings, is_there
from ila_jax.data.workers import pool
from ila_jax.data.workers.pool import Loss
from ila_jax.data.workers.process_limits import check_processes
from ila_jax.files.json_files import json_text
from ila_jax.files.lock import only_writer
from ila_jax.files.publish import publish_on_disk, publish_text, remove_partial
from ila_jax.files.writable import check_free_space, check_writable

VIDEOS = "videos"
TRUTH = "truth.csv"
SETTINGS = "actions.json"
WHAT = "a data set of actions with objects"
VERSION = 3  # of the drawing: raise it whenever the same seed would give other videos
BYTES = 100_000  # twice what a video takes, on average over many
LIMIT = 600.0  # seconds for a clip, of which none takes ten


def make(directory: str | os.PathLike[str], *, clips: int, seed: int, processes: int = 2) -> Path:
    """Makes the data set, or finds it made with the same settings; returns its folder.

    It is written into a hidden folder beside `directory`, which gets its name at the end: a folder
    of that name is always whole. After a kill, the same call goes on with the clips that are not
    there yet. The files depend on the seed, and not on `processes`.

    directory: will hold videos/CLASS/SCENE_PART.mp4, truth.csv and actions.json. clips: files of
    all classes together. Errors: ValueError on impossible settings, when the folder holds something
    else, or when another process makes it; OSError.
    """
    target = Path(directory).absolute()
    _check(seed, processes)
    files = plan(clips, seed)
    settings: dict[str, object] = {"version": VERSION, "seed": seed, "clips": clips}
    if _is_made(target, settings, files):
        return target
    check_writable(target)
    check_free_space(target, clips * BYTES, "the data set")
    unfinished = target.with_name(f".{target.name}.unfinished")
    busy = f"another process makes {target}: wait for it, or name another folder"
    with only_writer(unfinished, busy) as lock:
        _begin(unfinished, settings)
        _write_all(unfinished / VIDEOS, files, seed, processes)
        publish_text(unfinished / TRUTH, truth(files))
        Path(lock.name).unlink()
        os.rename(unfinished, target)
    return target


def truth(files: Sequence[Clip]) -> str:
    """The table of all files as CSV: class, source video, original of a near-duplicate, damage."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "label", "group", "near_duplicate_of", "damaged"))
    for clip in sorted(files, key=lambda clip: clip.file):
        source = clip.source.file if clip.source else ""
        writer.writerow((clip.file, clip.label, clip.scene, source, clip.damage))
    return text.getvalue()


def write_clip(seed: int, clip: Clip, path: Path) -> None:
    """Draws a clip and writes its file, whole or damaged, or as a copy. Errors: OSError."""
    drawn = clip.source or clip
    shared = scene(seed, drawn.group)
    drawing = Drawing(shared, take(seed, drawn.number, drawn.label, shared))
    rng = np.random.default_rng([seed, 3, clip.number])
    write_h264(
        nearly_same(rng, drawing) if clip.source else drawing,
        path,
        rate=shared.rate,
        quality=shared.quality + 3 if clip.source else shared.quality,
        key_frames=shared.key_frames,
    )
    if clip.damage:
        damage(path, clip.damage, rng)


def _check(seed: int, processes: int) -> None:
    if seed < 0:
        raise ValueError(f"seed is {seed}: expected 0 or more")
    if processes < 1:
        raise ValueError(f"processes is {processes}: expected 1 or more")
    check_processes(processes)


def _is_made(target: Path, settings: dict[str, object], files: Sequence[Clip]) -> bool:
    """Whether the folder is this data set; ValueError when it is something else."""
    if not is_there(target, SETTINGS, WHAT):
        return False
    check_settings(target, SETTINGS, settings, WHAT)
    # It was whole when it got its name. Files that are missing now were deleted since.
    lost = [clip.file for clip in files if not (target / VIDEOS / clip.file).is_file()]
    if lost or not (target / TRUTH).is_file():
        raise ValueError(
            f"{target} has lost files ({', '.join([*lost, TRUTH][:3])}): delete the folder and run "
            "again"
        )
    return True


def _begin(unfinished: Path, settings: dict[str, object]) -> None:
    """Starts a folder, or checks that it was begun with the same settings."""
    if (unfinished / SETTINGS).is_file():
        check_settings(unfinished, SETTINGS, settings, WHAT)
    else:
        publish_text(unfinished / SETTINGS, json_text(settings, indent=2))


def _write_all(folder: Path, files: Sequence[Clip], seed: int, processes: int) -> None:
    """Writes all clips that are not there yet."""
    for parent in {(folder / clip.file).parent for clip in files}:
        parent.mkdir(parents=True, exist_ok=True)
        remove_partial(parent)  # what a killed process was writing
    missing = [clip for clip in files if not (folder / clip.file).is_file()]
    done = len(files) - len(missing)
    work = partial(_write, folder, seed)
    with tqdm(total=len(files), initial=done, desc="actions", unit="clip", disable=None) as bar:
        for _ in pool.run(work, missing, processes=processes, limit=LIMIT):
            bar.update()


def _write(
    folder: Path, seed: int, clip: Clip, skip: Mapping[int, Loss], begin: Callable[[int], None]
) -> None:
    """The work of a drawing process: one clip, which is there when this returns."""
    if clip.number in skip:
        raise RuntimeError(
            f"drawing {clip.file} ended its process twice, which no clip should: there may be too "
            "little memory"
        )
    begin(clip.number)
    publish_on_disk(folder / clip.file, partial(write_clip, seed, clip))
    begin(pool.NO_ITEM)

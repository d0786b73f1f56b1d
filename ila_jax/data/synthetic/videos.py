"""Motion pairs as files: H.264 videos, the boxes of their objects, and lists of both."""

import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ila_jax.data.synthetic import scattered
from ila_jax.data.synthetic.h264 import write_h264
from ila_jax.data.synthetic.motion import CLASSES, MotionClip, Objects, draw_clip
from ila_jax.data.workers.child import interrupts_left_to_parent, set_up_worker
from ila_jax.data.workers.process_limits import check_processes

SPLITS = ("train", "validation")
KEY_FRAMES = 12  # one every so many frames, as the prepared data sets have
CHUNK = 16  # pairs handed to a process at once

Drawing = Callable[..., MotionClip]
# How a clip is drawn, by the name of its layout.
LAYOUTS: dict[str, Drawing] = {
    "middle": draw_clip,
    "scattered": scattered.draw_clip,
    "scattered_moving_camera": partial(scattered.draw_clip, moving_camera=True),
}


def write_videos(
    folder: Path,
    clips: dict[str, int],
    seed: int,
    size: tuple[int, int],
    processes: int,
    layout: str = "middle",
) -> None:
    """Draws all clips into a new folder: videos/, boxes/, classes.txt and a list of each split.

    Of clips with several objects it also writes objects/. clips: how many of each split, by name.
    size: width and height in pixels. processes: how many draw, as described in `motion_pairs.make`.
    layout: a key of LAYOUTS. Errors: OSError; RuntimeError where a drawing process cannot start.
    """
    kinds = ("videos", "boxes") if layout == "middle" else ("videos", "boxes", "objects")
    for split, kind in itertools.product(SPLITS, kinds):
        (folder / kind / split).mkdir(parents=True)
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    # Pairs in small parts, each drawn from its own number: which process draws a part changes
    # nothing, and the lists are written in the order of the parts.
    work = [
        (split, range(start, min(start + CHUNK, count // 2)))
        for split, count in clips.items()
        for start in range(0, count // 2, CHUNK)
    ]
    lines: dict[str, list[str]] = {split: [] for split in SPLITS}
    progress = tqdm(total=sum(clips.values()), desc="motion pairs", unit="clip", disable=None)
    with progress, _workers(processes) as workers:
        map_work = map if workers is None else partial(_submitted, workers)
        written = map_work(partial(_write_pairs, folder, seed, size, layout), work)
        for (split, _), labelled in zip(work, written, strict=True):
            lines[split] += labelled
            progress.update(len(labelled))
    for split in SPLITS:
        (folder / f"{split}.txt").write_text("".join(lines[split]))


def pair(
    seed: int, split: str, index: int, size: tuple[int, int], layout: str = "middle"
) -> tuple[MotionClip, MotionClip]:
    """Pair `index` of a split: a drawn clip, then its exact reversal.

    Four pairs in a row show the four motions, and eight show each class drawn once and reversed
    once, so that any multiple of eight clips is balanced.
    """
    # By the numbers of the split and the pair alone: any process can draw any pair.
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    label = 2 * (index % 4) + (index // 4) % 2
    clip = LAYOUTS[layout](rng, label=label, size=size)
    return clip, clip.reversed()


def encode(clip: MotionClip, path: Path) -> None:
    """Writes H.264 mp4; the same frames give the same bytes."""
    write_h264(clip.frames, path, rate=clip.rate, quality=18, key_frames=KEY_FRAMES)


def write_objects(objects: Objects, path: Path) -> None:
    """Writes the arrays `boxes` and `masks` of all objects; the same give the same bytes."""
    np.savez_compressed(path, boxes=objects.boxes, masks=objects.masks)


def _write_pairs(
    folder: Path, seed: int, size: tuple[int, int], layout: str, work: tuple[str, range]
) -> list[str]:
    """Writes videos, boxes and objects of some pairs; returns their lines of the list."""
    split, pairs = work
    lines = []
    for index in pairs:
        for half, clip in enumerate(pair(seed, split, index, size, layout)):
            # A clip and its reversal stay in one split. There each look of an object is as frequent
            # in a class as in its partner.
            name = f"{split}/{2 * index + half:06d}"
            encode(clip, folder / "videos" / f"{name}.mp4")
            np.save(folder / "boxes" / f"{name}.npy", clip.boxes)
            if clip.objects is not None:
                write_objects(clip.objects, folder / "objects" / f"{name}.npz")
            lines.append(f"videos/{name}.mp4 {clip.label}\n")
    return lines


@contextmanager
def _workers(processes: int) -> Iterator[Executor | None]:
    """A pool of spawned processes (a fork of a process that holds jax hangs); None for one.

    It is the standard library's: nothing that is drawn hangs or crashes a process, and results are
    wanted in order. `workers.pool` gives them in any.
    """
    if processes == 1:
        yield None
        return
    check_processes(processes)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=set_up_worker)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise RuntimeError(
            "a drawing process ended early. A script that makes motion pairs must do so under "
            '`if __name__ == "__main__":`, or ask for one process'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _submitted(pool: Executor, *work: Any) -> Iterator[list[str]]:
    """As `map`, by processes that leave Ctrl-C to this one."""
    with interrupts_left_to_parent():
        return pool.map(*work)  # which starts them

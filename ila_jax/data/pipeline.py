"""Batches of uint8 clips from a video source, loaded by threads or processes through Grain.

The batches depend on the seed and the step only. Workers have no side effects: which files were
bad travels to the main process inside the batches.
"""

import multiprocessing
import os
import threading
from collections.abc import Generator
from typing import Any, Literal

import cv2
import grain
import numpy as np
from absl import flags

from ila_jax.data.clips import ClipRecipe, EvaluationClips, FrameOrder, OneClip, TrainClips
from ila_jax.data.order import EvaluationOrder, TrainOrder
from ila_jax.data.sources import VideoSource
from ila_jax.data.views import Views

Batch = dict[str, np.ndarray]
Batches = Generator[Batch, None, None]  # to be closed, which stops the workers


def train_batches(
    source: VideoSource,
    recipe: ClipRecipe,
    *,
    batch: int,
    seed: int,
    first_step: int,
    steps: int,
    threads: int,
    processes: int,
    process_index: int = 0,
    process_count: int = 1,
    on_bad: Literal["replace", "fail"] = "replace",
) -> Batches:
    """The rows of this process of the global batches first_step … first_step + steps - 1.

    video: uint8 [b, t, h, w, 3]. label, index: int32 [b], of the videos really shown. short:
    bool [b], fewer frames than t. bad: int32 [b, tries, 2], (index, Reason) of the unreadable
    videos that the shown one replaces, padded with -1.

    batch: global. threads: per loading process; with no threads and no processes everything
    happens in the calling thread. Close the iterator to stop its workers early.
    Errors: ValueError at once for sizes that do not fit, and, while iterating, for a class
    without a readable video; BadVideo with on_bad="fail".
    """
    if on_bad not in ("replace", "fail"):
        raise ValueError(f"on_bad is {on_bad!r}: expected replace or fail")
    order = TrainOrder(len(source), batch, seed, process_index, process_count)
    clips = TrainClips(
        source,
        recipe,
        order,
        first=first_step * order.local_batch,
        count=steps * order.local_batch,
        replace=on_bad == "replace",
    )
    return _batches(clips, order.local_batch, threads=threads, processes=processes)


def evaluation_batches(
    source: VideoSource,
    recipe: ClipRecipe,
    *,
    batch: int,
    threads: int,
    processes: int,
    process_index: int = 0,
    process_count: int = 1,
    frame_order: FrameOrder = "forward",
    seed: int = 0,
) -> Batches:
    """Every video once over all processes, as `train_batches` gives them, and mask: bool [b].

    mask is False for padding (index and label -1) and for unreadable videos (listed in bad).
    frame_order: `reversed` shows the sampled frames backwards, `shuffled` in an order drawn from
    the seed and the video that is never the right one. Errors: ValueError.
    """
    order = EvaluationOrder(len(source), batch, process_index, process_count)
    show = OneClip(recipe=recipe, frame_order=frame_order, seed=seed)
    clips = EvaluationClips(source, show, order)
    return _batches(clips, order.local_batch, threads=threads, processes=processes)


def view_batches(
    source: VideoSource,
    views: Views,
    *,
    batch: int,
    threads: int,
    processes: int,
    process_index: int = 0,
    process_count: int = 1,
    first: int = 0,
) -> Batches:
    """As `evaluation_batches`, all views of each video: video is uint8 [b, v, t, h, w, 3].

    batch: videos, not views. first: the video to begin with; an evaluation that was stopped goes
    on from there. Errors: ValueError.
    """
    order = EvaluationOrder(len(source), batch, process_index, process_count, first)
    clips = EvaluationClips(source, views, order)
    return _batches(clips, order.local_batch, threads=threads, processes=processes)


def _batches(
    clips: TrainClips | EvaluationClips, batch: int, *, threads: int, processes: int
) -> Batches:
    if not len(clips):
        return (batch for batch in list[Batch]())
    cv2.setNumThreads(1)  # videos are loaded in parallel, not the rows of a frame
    # One batch ahead and no more: Grain's own default holds 500 clips, a gigabyte.
    ahead = batch + threads if not processes else 2 * threads
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead if threads else 0)
    dataset: Any = grain.MapDataset.source(clips).to_iter_dataset(options)
    if processes:
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()  # or Grain raises outside of absl.app
        buffer = -(-batch // (2 * processes))  # Grain holds it twice
        dataset = dataset.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=processes, per_worker_buffer_size=buffer),
            worker_init_fn=_start_worker,
        )
    # After mp_prefetch: before it, each worker would make batches of its own elements.
    return _iterate(dataset.batch(batch, drop_remainder=True))


def _iterate(dataset: Any) -> Batches:
    iterator = iter(dataset)
    try:
        yield from iterator
    finally:
        iterator.close()


def _start_worker(worker_index: int, worker_count: int) -> None:
    """Makes a worker die with its parent, and keeps OpenCV to one thread.

    PR_SET_PDEATHSIG would be shorter but fires when the *thread* that started the worker ends,
    and Grain starts workers from threads of its own.
    """
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _exit_after(parent: Any) -> None:
    parent.join()  # returns as soon as the parent is gone, however it died
    os._exit(1)

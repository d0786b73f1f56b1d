"""Batches of uint8 clips from a video source, loaded by threads or processes through Grain.

The batches depend on the seed and the step only. Workers have no side effects: which files were
bad travels to the main process inside the batches. How one row is made, and what becomes of a bad
file, is in `train_clips.py` and `evaluation_clips.py`; which row comes when, in `order.py`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import cv2
import grain
import numpy as np
from absl import flags

from ila_jax.data.clips.evaluation_clips import EvaluationClips, FrameOrder, OneClip
from ila_jax.data.clips.order import BalancedOrder, EvaluationOrder, TrainOrder
from ila_jax.data.clips.reading import TooSlow, VideoReader
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.train_clips import TrainClips
from ila_jax.data.clips.views import Views
from ila_jax.data.sources.source import VideoSource
from ila_jax.data.workers.child import set_up_worker
from ila_jax.data.workers.process_limits import check_processes

Batch = dict[str, np.ndarray]
Batches = Generator[Batch, None, None]  # to be closed, which stops the workers
Clips = TrainClips | EvaluationClips


@dataclass(frozen=True)
class Loading:
    """In what batches videos are loaded, and by which threads and processes.

    batch: rows of all processes of the run together. process_index, process_count: which of these
    processes this one is, one for each host. threads, processes: those that load for it, threads
    for each loading process; with none of both everything happens in the calling thread.
    time_limit: seconds for reading and decoding one video.
    """

    batch: int
    threads: int = 0
    processes: int = 0
    time_limit: float = 60.0
    process_index: int = 0
    process_count: int = 1


def train_batches(
    source: VideoSource,
    recipe: ClipRecipe,
    loading: Loading,
    *,
    seed: int,
    first_step: int,
    steps: int,
    on_bad: Literal["replace", "fail"] = "replace",
    balanced: bool = False,
) -> Batches:
    """The rows of this process of the global batches first_step … first_step + steps - 1.

    on_bad: a video that cannot be read is replaced by another of its class, or ends the run.
    balanced: whether each class is shown as often as any other.

    video: uint8 [b, t, h, w, 3]. label, index: int32 [b], of the videos really shown; label is
    bool [b, k] where a video may have several classes. short: bool [b], fewer frames than t. bad:
    int32 [b, tries, 2], (index, Reason) of the unreadable videos that the shown one replaces,
    padded with -1.

    Close the iterator to stop its workers early. Errors: ValueError at once for sizes that do not
    fit, and, while iterating, for a class without a readable video; BadVideo with on_bad="fail";
    without processes, TooSlow for a video over the time limit, which with processes is a bad one.
    """
    if on_bad not in ("replace", "fail"):
        raise ValueError(f"on_bad is {on_bad!r}: expected replace or fail")
    order = train_order(source, loading, seed=seed, balanced=balanced)
    make_clips = partial(
        TrainClips,
        recipe=recipe,
        order=order,
        first=first_step * order.local_batch,
        count=steps * order.local_batch,
        replace=on_bad == "replace",
    )
    return _batches(make_clips, source, order.local_batch, loading)


def train_order(source: VideoSource, loading: Loading, *, seed: int, balanced: bool) -> TrainOrder:
    """Which video comes when in training, as a function of the seed and the step alone.

    balanced: as of `train_batches`. Errors: ValueError for sizes that do not fit.
    """
    place = (len(source), loading.batch, seed, loading.process_index, loading.process_count)
    if not balanced:
        return TrainOrder(*place)
    return BalancedOrder(*place, labels=source.labels.astype(np.int32).tobytes())


def evaluation_batches(
    source: VideoSource,
    recipe: ClipRecipe,
    loading: Loading,
    *,
    frame_order: FrameOrder = "forward",
    seed: int = 0,
) -> Batches:
    """Every video once over all processes, as `train_batches` gives them, and mask: bool [b].

    mask is False for padding (index -1, `blank_label`) and for unreadable videos (listed in bad).
    frame_order: `reversed` shows the sampled frames backwards, `shuffled` in an order drawn from
    the seed and the video that is never the right one. Errors: ValueError; TooSlow as there.
    """
    order = _evaluation_order(source, loading)
    views = OneClip(recipe=recipe, frame_order=frame_order, seed=seed)
    make_clips = partial(EvaluationClips, views=views, order=order)
    return _batches(make_clips, source, order.local_batch, loading)


def view_batches(
    source: VideoSource,
    views: Views,
    loading: Loading,
    *,
    first: int = 0,
) -> Batches:
    """All views of every video, otherwise as `evaluation_batches`.

    video: uint8 [b, v, t, h, w, 3]; the rows of a batch are videos, not views. first: the video to
    begin with; an evaluation that was stopped goes on from there. Errors: ValueError; TooSlow as
    there.
    """
    order = _evaluation_order(source, loading, first)
    make_clips = partial(EvaluationClips, views=views, order=order)
    return _batches(make_clips, source, order.local_batch, loading)


def _evaluation_order(source: VideoSource, loading: Loading, first: int = 0) -> EvaluationOrder:
    return EvaluationOrder(
        len(source), loading.batch, loading.process_index, loading.process_count, first
    )


def _batches(
    make_clips: Callable[[VideoReader], Clips], source: VideoSource, rows: int, loading: Loading
) -> Batches:
    """All batches, also where videos are too slow. Errors: at once, those of `make_clips`."""
    reader = VideoReader(source, loading.time_limit)
    # A generator runs nothing until its first batch is asked for. Impossible sizes are an error
    # here already, before anybody waits for a loader.
    make_clips(reader)
    return _restarted(make_clips, reader, rows, loading.threads, loading.processes)


def _restarted(
    make_clips: Callable[[VideoReader], Clips],
    reader: VideoReader,
    rows: int,
    threads: int,
    processes: int,
) -> Batches:
    """Starts the loader again, at the batch it had come to, when a video took too long.

    Grain cannot replace one worker. That is as well: the order is a function of the position, so
    a new loader gives the same batches, with the video known to be slow and replaced or masked.
    """
    given = 0
    while True:
        loader = _loader(make_clips(reader), rows, threads, processes, skip=given)
        try:
            for batch in loader:
                yield batch
                given += 1
            return
        except TooSlow as slow:
            # A thread of this very process hangs in the decoder, and would go on doing so beside a
            # new loader. It ends with the run alone.
            if not processes:
                raise
            reader = reader.without(slow.index)
        finally:
            loader.close()  # ends the worker, and the thread that hangs in it


def _loader(clips: Clips, rows: int, threads: int, processes: int, *, skip: int) -> Any:
    """Grain's iterator over batches `skip`, skip + 1, ... of so many rows; to be closed."""
    cv2.setNumThreads(1)  # videos are loaded in parallel, not the rows of a frame
    # One batch ahead and no more: Grain's own default holds 500 clips, a gigabyte. Where processes
    # load, that batch is in their buffers below, and this one only keeps their threads busy.
    ahead = rows + threads if not processes else 2 * threads
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead if threads else 0)
    # Skipped by their numbers: not one of the clips before is read.
    elements = grain.MapDataset.source(clips)[skip * rows :]
    dataset: Any = elements.to_iter_dataset(options)
    if processes:
        # Says in words what is lacking, before Grain fails for want of open files or memory.
        check_processes(processes)
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()  # or Grain raises outside of absl.app
        # Clips come through pipes. Shared memory is as fast, but a worker that is killed leaves it
        # behind, and containers have 64 MB of it.
        pipes = grain.experimental.DatasetOptions(min_shm_size=1 << 62)
        dataset = grain.experimental.WithOptionsIterDataset(dataset, pipes)
        # All buffers together hold one batch: Grain holds each of them twice.
        buffer = -(-rows // (2 * processes))
        dataset = dataset.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=processes, per_worker_buffer_size=buffer),
            worker_init_fn=_start_worker,
        )
    # After mp_prefetch: before it, each worker would make batches of its own elements, and what is
    # in a batch would depend on the number of workers.
    return iter(dataset.batch(rows, drop_remainder=True))


def _start_worker(worker_index: int, worker_count: int) -> None:
    """As Grain calls it in each worker process."""
    set_up_worker()

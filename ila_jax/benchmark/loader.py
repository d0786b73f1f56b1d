"""Clips a second of each part of the way from a file to a device, and which part limits it."""

import itertools
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from ila_jax.data.clips.order import TrainOrder, element_generator
from ila_jax.data.clips.pipeline import Batch, Loading, train_batches
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.sources.source import VideoSource
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video

# In their order. The first three share the cores; of the others one thread does one at a time.
PARTS = ("read", "decode", "crop_resize", "batch", "to_device")
_SHARED = PARTS[:3]
# Batches before and after those that are timed, so that as much is loaded ahead at both ends.
_AROUND = 2
# Bytes of encoded files that are kept in memory, so that decoding them again reads nothing.
_HELD = 1 << 30

Step = Callable[[str], object]


@dataclass(frozen=True)
class Throughput:
    """What was measured.

    seconds: of one clip, by part: a core's for `decode` and `crop_resize`, the clock's for others.
    decode_rate, end_to_end_rate: clips a second by the clock, of the same clips: as many threads or
    processes as the loader has, decoding only; and whole batches, until they are on the device.
    ratio: of the two. They alternate; each is the median over the rounds.
    """

    clips: int
    unreadable: int
    cores: int
    threads: int
    processes: int
    seconds: dict[str, float]
    decode_rate: float
    end_to_end_rate: float
    ratio: float

    @property
    def outside_decode(self) -> float:
        """The host's seconds of a clip outside of decoding, as a part of those of decoding."""
        host = sum(self.seconds[part] for part in ("read", "crop_resize", "batch"))
        return host / self.seconds["decode"]

    @property
    def rate_per_core(self) -> float:
        """Clips a second that one core reads, decodes, crops and batches."""
        return 1 / sum(self.seconds[part] for part in (*_SHARED, "batch"))

    @property
    def limit(self) -> str:
        """The part that limits the rate on this machine."""
        # The three share the cores, so it is their sum that limits: the longest of them is named.
        slowest = max(_SHARED, key=self.seconds.__getitem__)
        times = {slowest: sum(self.seconds[part] for part in _SHARED) / self.cores}
        times |= {part: self.seconds[part] for part in ("batch", "to_device")}
        return max(times, key=times.__getitem__)

    def cores_for(self, clips_per_second: float) -> int | None:
        """How many cores feed devices that train on so many clips a second.

        None where one host cannot: batches are put together and sent by one thread.
        """
        if clips_per_second * max(self.seconds["batch"], self.seconds["to_device"]) > 1:
            return None
        return math.ceil(clips_per_second / self.rate_per_core)


@dataclass(frozen=True)
class _Clip:
    """A training clip before it is decoded: its file and how it is drawn."""

    data: bytes
    epoch: int
    video: int

    def rng(self) -> np.random.Generator:
        return element_generator(0, self.epoch, self.video)


def measure(
    source: VideoSource,
    recipe: ClipRecipe,
    *,
    batch: int,
    batches: int,
    rounds: int,
    threads: int,
    processes: int,
    put: Callable[[Batch], object],
    step: Step,
) -> Throughput:
    """Measures the loader on the training clips of seed 0, of so many batches.

    put: brings a batch to the devices and waits until it is there. step: called when something
    has been measured, 3 + 2·rounds times. Errors: ValueError where none of the videos can be read.
    """
    order = TrainOrder(len(source), batch, seed=0)
    places = [order(p) for p in range(_AROUND * batch, (_AROUND + batches) * batch)]
    seconds: dict[str, float] = {}
    clips, unreadable, seconds["read"] = _read(source, recipe, places)
    step("read")
    seconds["decode"], seconds["crop_resize"], videos = _one_core(recipe, clips)
    step("decode, crop and resize on one core")
    # Where some videos could not be read, the others fill the batch.
    rows = [videos[k % len(videos)] for k in range(batch)]
    stacking = _best(lambda: np.stack(rows), rounds)
    seconds["batch"] = stacking / batch
    stacked = {"video": np.stack(rows), "label": np.zeros(batch, np.int32)}
    # The first transfer sets things up on the device, and is not counted.
    put(stacked)
    seconds["to_device"] = _best(lambda: put(stacked), rounds) / batch
    step("batch, and to the device")
    speeds = []
    # Decoding alone and the whole way take turns: a machine that slows down changes both, and the
    # ratio of a round stays.
    for _ in range(rounds):
        decoded = _decode_rate(recipe, clips, len(places), max(threads, 1) * max(processes, 1))
        step("decode only")
        loader = train_batches(
            source,
            recipe,
            Loading(batch, threads, processes),
            seed=0,
            first_step=0,
            steps=batches + 2 * _AROUND,
        )
        with closing(loader):
            speeds.append((decoded, _rate(loader, batch, batches, put)))
        step("end to end")
    rates = np.array(speeds)
    return Throughput(
        clips=len(places),
        unreadable=unreadable,
        cores=cores(),
        threads=threads,
        processes=processes,
        seconds=seconds,
        decode_rate=float(np.median(rates[:, 0])),
        end_to_end_rate=float(np.median(rates[:, 1])),
        ratio=float(np.median(rates[:, 1] / rates[:, 0])),
    )


def cores() -> int:
    """How many cores this process may use."""
    # A container or a job of a cluster may use fewer than the machine has. macOS does not tell.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(
    source: VideoSource, recipe: ClipRecipe, places: list[tuple[int, int]]
) -> tuple[list[_Clip], int, float]:
    """Reads files; returns (clips whose files decode, how many do not, seconds of reading one).

    Errors: ValueError where none of them can be read.
    """
    clips: list[_Clip] = []
    unreadable, size, spent = 0, 0, []
    for epoch, video in places:
        begin = time.perf_counter()
        try:
            data = source.read(video)
            spent.append(time.perf_counter() - begin)
            clip = _Clip(data, epoch, video)
            _decode(recipe, clip, clip.rng())
        except BadVideo:
            unreadable += 1
            continue
        # Beyond what memory is meant to hold, the clips so far stand for the others.
        size += len(data)
        if size > _HELD:
            break
        clips.append(clip)
    if not clips:
        raise ValueError(
            f"none of {len(places)} videos could be read, the first is "
            f"{source.name(places[0][1])}: python -m ila_jax.data.check says why"
        )
    return clips, unreadable, float(np.mean(spent))


def _decode(recipe: ClipRecipe, clip: _Clip, rng: np.random.Generator) -> np.ndarray:
    """The frames that training draws from a file, uint8 [t, h, w, 3] in the size of the file."""
    index = index_video(clip.data)
    return decode(index, recipe.random_frames(index.count, rng))


def _one_core(recipe: ClipRecipe, clips: list[_Clip]) -> tuple[float, float, list[np.ndarray]]:
    """Makes clips on one core; returns (seconds of decoding one, of cropping one, the clips)."""
    videos, times = [], []
    for clip in clips:
        rng = clip.rng()
        # The processor's time of this thread: what else the machine does is not in it.
        begin = time.thread_time()
        video = _decode(recipe, clip, rng)
        decoded = time.thread_time()
        videos.append(recipe.crop(video, rng))
        times.append((decoded - begin, time.thread_time() - decoded))
    decoding, cropping = np.mean(times, axis=0)
    return float(decoding), float(cropping), videos


def _decode_rate(recipe: ClipRecipe, clips: list[_Clip], count: int, threads: int) -> float:
    """Clips a second by the clock when threads do nothing but decode."""

    def one(clip: _Clip) -> None:
        _decode(recipe, clip, clip.rng())

    # As many clips as the batches had, again from the first where some could not be read.
    todo = itertools.islice(itertools.cycle(clips), count)
    with ThreadPoolExecutor(threads) as pool:
        begin = time.perf_counter()
        for _ in pool.map(one, todo):
            pass
        return count / (time.perf_counter() - begin)


def _rate(
    loader: Iterator[Batch], batch: int, batches: int, put: Callable[[Batch], object]
) -> float:
    """Clips a second by the clock, from the loader to the devices."""
    # The first batches wait for the loader's processes to start.
    for clips in itertools.islice(loader, _AROUND):
        put({"video": clips["video"], "label": clips["label"]})
    begin = time.perf_counter()
    for clips in itertools.islice(loader, batches):
        put({"video": clips["video"], "label": clips["label"]})
    return batch * batches / (time.perf_counter() - begin)


def _best(work: Callable[[], object], rounds: int) -> float:
    """Seconds of some work by the clock, the least of several tries.

    The least, since other work of the machine can only add to them.
    """
    times = []
    for _ in range(max(rounds, 3)):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)

"""How long preparing will take and how large it will be, from a few videos done beforehand."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.data.prepare.shards import Unit, VideosToPrepare
from ila_jax.data.prepare.transcode import transcode
from ila_jax.data.video.bad import BadVideo, errors_as_bad_video
from ila_jax.data.workers.pool import Loss


@dataclass(frozen=True)
class TriedVideo:
    """One video: bytes of the file and of the new one, and seconds of one process; 0 if bad."""

    source: int
    prepared: int
    seconds: float


@dataclass(frozen=True)
class Sampler:
    """Encodes the first video of a unit, and keeps nothing of it."""

    videos: VideosToPrepare

    def __call__(
        self, unit: Unit, skip: Mapping[int, Loss], begin: Callable[[int], None]
    ) -> TriedVideo:
        begin(unit.first)
        if unit.first in skip:
            return TriedVideo(0, 0, 0.0)
        start = time.monotonic()
        try:
            with errors_as_bad_video():
                data = self.videos.opened[unit.split].source.read(unit.first)
                prepared = transcode(data, self.videos.encoding)
        except BadVideo:
            return TriedVideo(0, 0, 0.0)
        return TriedVideo(len(data), len(prepared.data), time.monotonic() - start)


def sample(todo: Sequence[Unit], count: int) -> list[Unit]:
    """At most `count` units of one video each, evenly spread over all videos to do."""
    videos = sum(unit.last - unit.first for unit in todo)
    count = min(count, videos)
    wanted = [(2 * k + 1) * videos // (2 * count) for k in range(count)]
    out, before = [], 0
    for unit in todo:
        length = unit.last - unit.first
        for place in wanted:
            if before <= place < before + length:
                first = unit.first + place - before
                out.append(Unit(unit.split, unit.shard, unit.shards, first, first + 1))
        before += length
    return out


@dataclass(frozen=True)
class Estimate:
    """Of the videos still to do. shrinks: bytes of new files for one byte of the old."""

    videos: int
    bytes: int
    seconds: float
    shrinks: float


def estimate(measured: Sequence[TriedVideo], videos: int, processes: int) -> Estimate | None:
    """From a sample to all videos; None where no video of the sample can be read."""
    good = [one for one in measured if one.prepared]
    if not good:
        return None
    scale = videos / len(measured)
    prepared = sum(one.prepared for one in good)
    return Estimate(
        videos=videos,
        bytes=round(prepared * scale),
        seconds=sum(one.seconds for one in good) * scale / processes,
        shrinks=prepared / sum(one.source for one in good),
    )


def free_bytes(directory: str) -> int:
    """On the disk where a folder is or will be."""
    path = Path(directory).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free

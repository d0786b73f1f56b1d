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
    """One video that was encoded for the estimate.

    source: bytes of its file. prepared: bytes of the new one. seconds: of one process. All are 0
    of a bad video.
    """

    source: int
    prepared: int
    seconds: float


@dataclass(frozen=True)
class Sampler:
    """Work for `workers.pool`: encodes the first video of a unit, and keeps nothing of it."""

    videos: VideosToPrepare

    def __call__(
        self, unit: Unit, skip: Mapping[int, Loss], begin: Callable[[int], None]
    ) -> TriedVideo:
        """Sizes and time of the video, or zeros where it is bad."""
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
    # The middle of each of `count` stretches of equal length, counted over all units in a row.
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
    """What the videos still to do will come to.

    bytes: of the new files. seconds: of work by all processes together, until it is done. shrinks:
    bytes of new files for one byte of the old.
    """

    videos: int
    bytes: int
    seconds: float
    shrinks: float


def estimate(measured: Sequence[TriedVideo], videos: int, processes: int) -> Estimate | None:
    """Concludes from a sample to so many videos; None where no video of the sample can be read."""
    good = [video for video in measured if video.prepared]
    if not good:
        return None
    # Bad videos count in the sample as they will among all: they cost neither bytes nor time.
    scale = videos / len(measured)
    prepared = sum(video.prepared for video in good)
    return Estimate(
        videos=videos,
        bytes=round(prepared * scale),
        seconds=sum(video.seconds for video in good) * scale / processes,
        shrinks=prepared / sum(video.source for video in good),
    )


def free_bytes(directory: str) -> int:
    """How many bytes are free on the disk where a folder is or will be."""
    path = Path(directory).absolute()
    # A folder that is still to be made will be on the disk of the parent that is there.
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free

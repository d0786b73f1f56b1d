"""The work of preparing: one shard after the other, each finished or not there at all."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from array_record.python.array_record_module import ArrayRecordWriter
from etils import epath

from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.records import Serializer
from ila_jax.data.prepare.transcode import transcode
from ila_jax.data.sources.prepared_layout import part_path, shard_path
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.data.video.bad import BadVideo, errors_as_bad_video
from ila_jax.data.workers.pool import NO_ITEM, Loss
from ila_jax.files.plain_name import plain_name
from ila_jax.files.printable import printable
from ila_jax.files.publish import publish, publish_bytes

PreparedExample = dict[str, Any]
BadEntry = tuple[int, str, str]  # index in the source, name of the Reason, what was seen


@dataclass(frozen=True)
class Unit:
    """A unit of work: videos `first` to `last`-1 of a split, which make one of its shards."""

    split: str
    shard: int
    shards: int
    first: int
    last: int


@dataclass(frozen=True)
class FinishedShard:
    """What is known of a finished shard, as its record holds it.

    size: in bytes. kept: indices in the source of the videos that it holds. frames: how many each
    of these has. bad: the unit's other videos.
    """

    size: int
    sha256: str
    kept: list[int]
    frames: list[int]
    bad: list[BadEntry]


def units(split: str, videos: int, clips_per_shard: int) -> list[Unit]:
    """Units of as many videos each, but the last."""
    # Which video is in which shard follows from this alone, whatever was stopped in between.
    starts = range(0, videos, clips_per_shard)
    return [
        Unit(split, k, len(starts), first, min(first + clips_per_shard, videos))
        for k, first in enumerate(starts)
    ]


def read_finished(directory: epath.Path, unit: Unit) -> FinishedShard | None:
    """The record of a shard that is finished and still there, else None."""
    try:
        values = json.loads(part_path(directory, unit.split, unit.shard, unit.shards).read_text())
        # JSON has lists where the record has tuples.
        finished = FinishedShard(**values | {"bad": [tuple(bad) for bad in values["bad"]]})
        shard = shard_path(directory, unit.split, unit.shard, unit.shards)
        # The record is written after the shard, which somebody may have deleted or cut since.
        return finished if shard.stat().length == finished.size else None
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True)
class VideosToPrepare:
    """The videos to prepare, by split, and how they are encoded. It is sent to worker processes."""

    opened: Mapping[str, OpenedSplit]
    encoding: Encoding

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, which all splits have."""
        return next(iter(self.opened.values())).class_names

    def id(self, split: str, index: int) -> str:
        """The id of a video, the same wherever its file lies."""
        return self.opened[split].id(index)

    def examples(
        self,
        unit: Unit,
        bad: list[BadEntry],
        skip: Mapping[int, Loss],
        begin: Callable[[int], None],
    ) -> Iterator[tuple[int, PreparedExample]]:
        """(index, example) of the readable videos of a unit; appends the others to `bad`.

        index: in the source. skip: videos that have ended or held up their process. begin: is told
        of each video before it is read.
        """
        source = self.opened[unit.split].source
        for index in range(unit.first, unit.last):
            begin(index)
            try:
                if index in skip:
                    raise BadVideo(skip[index].reason)
                with errors_as_bad_video():
                    video = transcode(source.read(index), self.encoding)
            except BadVideo as error:
                bad.append((index, error.reason.name, error.detail))
                continue
            yield (
                index,
                {
                    "video": video.data,
                    "label": int(source.labels[index]),
                    "name": printable(self.id(unit.split, index)),  # the index has the real one
                    "frames": video.frames,
                    "height": video.height,
                    "width": video.width,
                    "seconds": video.seconds,
                },
            )


@dataclass(frozen=True)
class ShardWriter:
    """Does one unit: writes its shard, then its record, which says that it is finished."""

    directory: str
    videos: VideosToPrepare

    def __call__(
        self, unit: Unit, skip: Mapping[int, Loss], begin: Callable[[int], None]
    ) -> FinishedShard:
        """Work for `workers.pool`. skip, begin: as `VideosToPrepare.examples` takes them."""
        directory = epath.Path(self.directory)
        kept, frames = list[int](), list[int]()
        bad: list[BadEntry] = []

        def keep() -> Iterator[bytes]:
            serialize = Serializer(self.videos.class_names)
            for index, example in self.videos.examples(unit, bad, skip, begin):
                kept.append(index)
                frames.append(example["frames"])
                yield serialize(example)
            # What follows the last video, sending the shard, has no time limit of a video.
            begin(NO_ITEM)

        shard = shard_path(directory, unit.split, unit.shard, unit.shards)
        size, sha256 = publish(shard, functools.partial(_write_records, records=keep()))
        finished = FinishedShard(size, sha256, kept, frames, bad)
        # After the shard, since it says that the shard is finished.
        record = json.dumps(asdict(finished)).encode()
        publish_bytes(part_path(directory, unit.split, unit.shard, unit.shards), record)
        return finished


def _write_records(path: Path, records: Iterator[bytes]) -> None:
    # One record a group, as TFDS writes them: a group is what is read at once. ArrayRecord is of
    # C++, which opens names of UTF-8 alone.
    writer = ArrayRecordWriter(str(plain_name(path)), "group_size:1")
    try:
        for record in records:
            writer.write(record)
    finally:
        writer.close()

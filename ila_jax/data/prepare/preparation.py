"""Preparing a data set from its opened splits: what is to do, an estimate, and the work."""

import argparse
from collections.abc import Generator, Mapping, Sequence
from functools import partial

from etils import epath
from tqdm import tqdm

from ila_jax.data.prepare import on_beam
from ila_jax.data.prepare.builder import VideoBuilder
from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.estimate import Sampler, estimate, free_bytes, sample
from ila_jax.data.prepare.indices import verify
from ila_jax.data.prepare.shards import FinishedShard, ShardWriter, Unit, VideosToPrepare
from ila_jax.data.sources.prepared_layout import QUARANTINE
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.data.sources.video_files import tell
from ila_jax.data.workers import pool
from ila_jax.files.counts import count_of
from ila_jax.files.publish import is_local


def prepare(
    opened: Mapping[str, OpenedSplit], encoding: Encoding, args: argparse.Namespace
) -> None:
    """Prepares splits into the folder --to, and prints what is in it.

    Errors: ValueError, OSError or RuntimeError, in words.
    """
    several = [split for split, videos in opened.items() if videos.source.targets is not None]
    if several:
        raise ValueError(
            f"the clips of {' and '.join(several)} have several labels, and prepared videos keep "
            "one of each: train from the list itself"
        )
    videos = VideosToPrepare(opened, encoding)
    builder = VideoBuilder(args.to, videos, clips_per_shard=args.clips_per_shard)
    todo = builder.begin()
    _print_work(videos, todo)
    # Both ways get the same units, and make the same files of them.
    if args.beam is not None:
        run = partial(_on_beam, options=args.beam)
    else:
        if args.sample and todo:
            _estimate(args, videos, todo)
        run = partial(_here, processes=args.processes, limit=args.time_limit)
    made = builder.prepare(run, max_bad_fraction=args.max_bad_fraction)
    for split in videos.opened:
        info = made.splits[split]
        bad = len(videos.opened[split].source) - info.num_examples
        listed = f"; {bad} could not be read, see {QUARANTINE}" if bad else ""
        size = tqdm.format_sizeof(info.num_bytes, "B", 1000)
        written = count_of(info.num_examples, "video", "videos")
        print(f"prepared:{args.to}@{split}: {written}, {size}{listed}")


def _print_work(videos: VideosToPrepare, todo: Sequence[Unit]) -> None:
    """Says what was left out of each split, and how much of it is still to do."""
    for split, opened in videos.opened.items():
        tell(opened.notes)
        left = [unit for unit in todo if unit.split == split]
        waiting = sum(unit.last - unit.first for unit in left)
        listed = count_of(len(opened.source), "video", "videos")
        shards = count_of(len(left), "shard", "shards")
        print(f"{split}: {listed}, {waiting} to do in {shards}")


def _estimate(args: argparse.Namespace, videos: VideosToPrepare, todo: Sequence[Unit]) -> None:
    """Says how long and large it will be. Errors: ValueError where the disk is too small."""
    tries = sample(todo, args.sample)
    progress = tqdm(total=len(tries), desc="trying a few", unit="video", disable=None, leave=False)
    with progress:
        results = pool.run(
            Sampler(videos), tries, processes=args.processes, limit=args.time_limit,
            progress=progress.update,
        )  # fmt: skip
        measured = [result for _, result in results]
    expected = estimate(measured, sum(unit.last - unit.first for unit in todo), args.processes)
    if expected is None:
        print(f"no estimate: none of {len(tries)} videos tried can be read")
        return
    size = tqdm.format_sizeof(expected.bytes, "B", 1000)
    print(
        f"estimate from {len(tries)} videos: {size} ({expected.shrinks:.2f} of the files' size), "
        f"{tqdm.format_interval(expected.seconds)} with {args.processes} processes"
    )
    if is_local(args.to) and expected.bytes > free_bytes(args.to):
        free = tqdm.format_sizeof(free_bytes(args.to), "B", 1000)
        raise ValueError(
            f"about {size} are to be written to {args.to}, where {free} are free: make room, name "
            "another folder, raise --crf, or do without the estimate (--sample 0)"
        )


def _here(
    writer: ShardWriter, todo: Sequence[Unit], *, processes: int, limit: float
) -> Generator[tuple[Unit, FinishedShard]]:
    """Does the units with processes of this machine; (unit, shard) as they are finished."""
    total = sum(unit.last - unit.first for unit in todo)
    with tqdm(total=total, desc="prepare", unit="video", disable=None, smoothing=0.05) as progress:
        yield from pool.run(
            writer, todo, processes=processes, limit=limit, progress=progress.update
        )


def _on_beam(
    writer: ShardWriter, todo: Sequence[Unit], *, options: Sequence[str]
) -> Generator[tuple[Unit, FinishedShard]]:
    """Does the units with Beam's workers; (unit, shard) after all are finished."""
    yield from on_beam.run(writer, todo, options)


def check_checksums(name: str) -> None:
    """Reads a prepared folder in full. Errors: ValueError that lists the damaged files."""
    problems = list(verify(epath.Path(name)))
    if problems:
        raise ValueError(
            f"{name} is damaged; delete these files and prepare again, which makes just them:\n  "
            + "\n  ".join(problems)
        )
    print(f"{name}: all files are as they were written")

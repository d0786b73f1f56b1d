"""The lists beside the shards: examples, checksums and bad videos; and checking them all."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from etils import epath
from tqdm import tqdm

from ila_jax.data.prepare.shards import FinishedShard, Unit, VideosToPrepare
from ila_jax.data.sources.prepared_layout import (
    CHECKSUMS,
    QUARANTINE,
    SETTINGS,
    index_path,
    shard_path,
)
from ila_jax.data.video.bad_fraction import counted_reasons, too_many_bad
from ila_jax.files.json_files import json_text
from ila_jax.files.publish import checksum, publish_bytes


def write_index(
    directory: epath.Path, videos: VideosToPrepare, split: str, shards: Sequence[FinishedShard]
) -> None:
    """Writes the index of a split (see `prepared_layout.index_path`).

    shards: all of the split, in their order. Errors: RuntimeError where they hold no video.
    """
    kept = [index for shard in shards for index in shard.kept]
    if not kept:
        raise RuntimeError(f"none of the videos of {split} can be read: see {QUARANTINE}")
    # Each with a zero behind it, which no name of a file has; a name may have a line's end.
    ids = "".join(f"{videos.id(split, index)}\0" for index in kept)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        label=np.asarray(videos.opened[split].source.labels[kept], np.int32),
        frames=np.array([count for shard in shards for count in shard.frames], np.int32),
        ids=np.frombuffer(ids.encode(errors="surrogateescape"), np.uint8),
    )
    publish_bytes(index_path(directory, split), buffer.getvalue())


def add_checksums(directory: epath.Path, shards: Mapping[Unit, FinishedShard]) -> None:
    """Adds shards, and the indices of their splits, to the list of checksums."""
    # Sums of other splits stay. Shards have theirs in their records, so that they are not read.
    sums = read_checksums(directory)
    for unit, shard in shards.items():
        sums[shard_path(directory, unit.split, unit.shard, unit.shards).name] = shard.sha256
    for split in {unit.split for unit in shards}:
        path = index_path(directory, split)
        sums[path.name] = checksum(path)[1]
    lines = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    publish_bytes(directory / CHECKSUMS, lines.encode())


def read_checksums(directory: epath.Path) -> dict[str, str]:
    """sha256 by file name; empty where there is no list. Errors: ValueError for a damaged one."""
    path = directory / CHECKSUMS
    if not path.exists():
        return {}
    try:
        pairs = [line.split("  ", 1) for line in path.read_bytes().decode().splitlines()]
        return {name: digest for digest, name in pairs}
    except ValueError:
        raise ValueError(
            f"{path} is damaged: expected `sha256  name` a line. Without it the videos cannot be "
            "checked: prepare them anew, or copy the file from where they were prepared"
        ) from None


def write_quarantine(
    directory: epath.Path, videos: VideosToPrepare, shards: Mapping[Unit, FinishedShard]
) -> None:
    """Lists every bad video of the shards once, with its reason; lines of other splits stay."""
    path = directory / QUARANTINE
    lines = path.read_bytes().decode(errors="replace").split("\n") if path.exists() else []
    # What these splits had before is left out, and so is a line that a kill has cut short.
    lines = [line for line in lines if _split_of(line) not in (None, *videos.opened)]
    for unit in sorted(shards, key=lambda unit: (unit.split, unit.shard)):
        opened = videos.opened[unit.split]
        for index, reason, detail in shards[unit].bad:
            entry = {
                "path": opened.source.name(index),
                "reason": reason,
                "label": int(opened.source.labels[index]),
                "split": unit.split,
                "detail": detail,
            }
            lines.append(json_text(entry).rstrip())
    text = "".join(f"{line}\n" for line in lines)
    publish_bytes(path, text.encode())


def _split_of(line: str) -> str | None:
    """The split that a line of the list of bad videos names; None where it is damaged or empty."""
    try:
        return str(json.loads(line)["split"])
    except (ValueError, KeyError, TypeError):
        return None


def check_bad(
    split: str, shards: Mapping[Unit, FinishedShard], videos: int, fraction: float
) -> None:
    """Counts the bad videos of a split's shards that are finished.

    videos: of the whole split. Errors: RuntimeError when more than `fraction` of them are bad.
    """
    reasons = [reason for shard in shards.values() for _, reason, _ in shard.bad]
    if not too_many_bad(len(reasons), videos, fraction):
        return
    raise RuntimeError(
        f"{len(reasons)} of {videos} videos of {split} cannot be read, more than the fraction "
        f"{fraction:g} that is allowed:\n  {counted_reasons(reasons)}\nThey are listed in "
        f"{QUARANTINE} of the folder. If that is what they are, allow a larger "
        "fraction, and the work goes on"
    )


def verify(directory: epath.Path) -> Iterator[str]:
    """Reads all shards and indices of a folder, and gives what is wrong with it, file by file.

    Errors: ValueError where there is no list of checksums.
    """
    sums = read_checksums(directory)
    if not sums or not (directory / SETTINGS).exists():
        raise ValueError(f"{directory} has no {CHECKSUMS}: expected a finished folder of videos")
    progress = tqdm(sorted(sums.items()), desc="verify", unit="file", disable=None)
    for name, expected in progress:
        path = directory / name
        if not path.exists():
            yield f"{name}: missing"
        elif checksum(path)[1] != expected:
            yield f"{name}: its bytes are not those that were written"

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
    directory: epath.Path, videos: VideosToPrepare, split: str, parts: Sequence[FinishedShard]
) -> None:
    """Writes the index of a split (see `layout.index_path`)."""
    kept = [index for part in parts for index in part.kept]
    if not kept:
        raise RuntimeError(f"none of the videos of {split} can be read: see {QUARANTINE}")
    ids = "".join(f"{videos.id(split, index)}\0" for index in kept)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        label=np.asarray(videos.opened[split].source.labels[kept], np.int32),
        frames=np.array([count for part in parts for count in part.frames], np.int32),
        ids=np.frombuffer(ids.encode(errors="surrogateescape"), np.uint8),
    )
    publish_bytes(index_path(directory, split), buffer.getvalue())


def add_checksums(directory: epath.Path, parts: Mapping[Unit, FinishedShard]) -> None:
    """Adds the shards of these parts, and their indices, to the list of checksums."""
    sums = read_checksums(directory)
    for unit, part in parts.items():
        sums[shard_path(directory, unit.split, unit.shard, unit.shards).name] = part.sha256
    for split in {unit.split for unit in parts}:
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
    directory: epath.Path, videos: VideosToPrepare, parts: Mapping[Unit, FinishedShard]
) -> None:
    """Lists every bad video once, with its reason; lines of other splits stay."""
    path = directory / QUARANTINE
    lines = path.read_bytes().decode(errors="replace").split("\n") if path.exists() else []
    lines = [line for line in lines if _split_of(line) not in (None, *videos.opened)]
    for unit in sorted(parts, key=lambda unit: (unit.split, unit.shard)):
        opened = videos.opened[unit.split]
        for index, reason, detail in parts[unit].bad:
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
    """Of a line of the list of bad videos; None of what is none, or is damaged."""
    try:
        return str(json.loads(line)["split"])
    except (ValueError, KeyError, TypeError):
        return None


def check_bad(
    split: str, parts: Mapping[Unit, FinishedShard], videos: int, fraction: float
) -> None:
    """Errors: RuntimeError when more than `fraction` of a split's videos are bad."""
    reasons = [reason for part in parts.values() for _, reason, _ in part.bad]
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

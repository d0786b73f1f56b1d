"""A small annotated set of real videos, two of them bad, and the command that prepares it."""

import os
from pathlib import Path

from ila_jax.data.prepare.builder import VideoBuilder
from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.shards import VideosToPrepare
from ila_jax.data.sources.opening import open_source
from tests.data.videos import H264, write_video

NAMES = ("left", "up and away", "right")
VIDEOS = 13
BAD = (3, 9)
SHARDS = 4  # of 4, 4, 4 and 1 clips


def write_set(root: Path) -> Path:
    """An annotation list of 13 small videos, two of which cannot be read."""
    lines = []
    for i in range(VIDEOS):
        path = root / f"clip {i}.mp4"
        write_video(path, options=H264, count=8 + i, size=(24, 32), offset=i)
        lines.append(f"{path.name} {i % 3}\n")
    (root / "clip 3.mp4").write_bytes(b"no video")
    (root / "clip 9.mp4").unlink()
    (root / "train.txt").write_text("".join(lines))
    (root / "validation.txt").write_text("".join(lines[:3]))
    (root / "first.txt").write_text("".join(lines[:5]))
    (root / "classes.txt").write_text("".join(f"{name}\n" for name in NAMES))
    return root


def arguments(root: Path, target: Path, *more: str, split: str = "train") -> list[str]:
    return [
        "--from", str(root / f"{split}.txt"), "--root", str(root), "--split", split,
        "--class-names", str(root / "classes.txt"), "--to", str(target), "--short-side", "16",
        "--clips-per-shard", "4", "--max-bad-fraction", "0.2", "--sample", "0", *more,
    ]  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def prepare_here(root: Path, target: os.PathLike[str], listed: str = "train.txt") -> None:
    """Prepares the split train in this process, so that it can be stopped at will."""
    opened = open_source(str(root / listed), root=str(root), class_names=NAMES)
    encoding = Encoding(short_side=16, key_frames=12, crf=23, preset="veryfast")
    builder = VideoBuilder(
        str(target), VideosToPrepare({"train": opened}, encoding), clips_per_shard=4
    )
    builder.prepare(
        lambda writer, todo: ((unit, writer(unit, {}, lambda index: None)) for unit in todo),
        max_bad_fraction=0.2,
    )

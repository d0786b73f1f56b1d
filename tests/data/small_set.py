"""A small annotated set of real videos, two of them bad, and the command that prepares it."""

from pathlib import Path

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

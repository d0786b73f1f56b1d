"""What goes wrong with files: damage, and copies that are nearly the same."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

CROPPED = (0.02, 0.06)  # of each side that a copy lacks
DROPPED = (2, 9)  # frames that it lacks at its beginning
SCALED = (0.8, 1.15)  # its size, of the original's
PAGE = "<!DOCTYPE html>\n<html><body><h1>403 Forbidden</h1></body></html>\n"


def damage(path: Path, kind: str, rng: np.random.Generator) -> None:
    """Damages a video file. kind: one of `plan.DAMAGES`."""
    data = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(data[: int(len(data) * rng.uniform(0.3, 0.8))])
    elif kind == "zeroed":
        # As after a power cut: the size is right, and the end never reached the disk.
        kept = int(len(data) * rng.uniform(0.1, 0.6))
        path.write_bytes(data[:kept] + bytes(len(data) - kept))
    else:
        path.write_text(PAGE * 20)


def nearly_same(
    rng: np.random.Generator, frames: Iterable[UInt8[np.ndarray, "h w 3"]]
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The frames as of a copy: cropped slightly, in another size, without the first few."""
    left, right, top, bottom = rng.uniform(*CROPPED, 4)
    scale = rng.uniform(*SCALED)
    for image in itertools.islice(frames, int(rng.integers(*DROPPED)), None):
        height, width = image.shape[:2]
        part = image[
            int(top * height) : height - int(bottom * height),
            int(left * width) : width - int(right * width),
        ]
        # H.264 wants even sides.
        size = (int(width * scale) // 2 * 2, int(height * scale) // 2 * 2)
        yield cv2.resize(part, size, interpolation=cv2.INTER_AREA)

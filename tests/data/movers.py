"""Drawn clips of any number of classes: squares of three colours that cross the picture."""

from pathlib import Path

import numpy as np

from tests.data.split.recut import write

COLOURS = {"a blue square": (30, 30, 230), "a green one": (30, 200, 30), "a red one": (230, 30, 30)}


def make(folder: Path, *, train: int = 64, validation: int = 24) -> Path:
    """Draws clips of none to all three of the colours; the list of them, with their split."""
    rows = ["file,label,split"]
    for number in range(train + validation):
        rng = np.random.default_rng([7, number])
        # All eight sets of classes in turn, so that each is on both sides.
        shown = [name for k, name in enumerate(COLOURS) if number >> k & 1]
        write(folder / f"clip{number:03}.mp4", _frames(shown, rng), crf=25)
        split = "train" if number < train else "validation"
        rows.append(f"clip{number:03}.mp4,{';'.join(shown)},{split}")
    path = folder / "movers.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def _frames(shown: list[str], rng: np.random.Generator) -> list[np.ndarray]:
    """Each colour has a row of its own, in which it goes to one side or the other."""
    frames = rng.integers(90, 140, (12, 48, 64, 3)).astype(np.uint8)
    for name in shown:
        top = 16 * list(COLOURS).index(name) + int(rng.integers(0, 4))
        lefts = np.linspace(0, 50, len(frames)).astype(int)[:: rng.choice([-1, 1])]
        for frame, left in zip(frames, lefts, strict=True):
            frame[top : top + 12, left : left + 14] = COLOURS[name]
    return list(frames)

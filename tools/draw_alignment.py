"""Draws what a trained ILA aligns: the frames of a clip, and each block's masks and points.

python tools/draw_alignment.py runs/quickstart --video FILE.mp4 --output alignment.png
"""

import argparse
import sys
from pathlib import Path

import cv2
import jax
import numpy as np

from ila_jax import cli
from ila_jax.data.augment import normalise
from ila_jax.data.clips import ClipRecipe
from ila_jax.models.model import alignments
from ila_jax.models.temporal.alignment import per_frame
from ila_jax.weights.folder import load

_CELL = 160  # pixels of a frame in the picture
_GAP = 6
# Points, in BGR: where a frame is the earlier one of a pair, and where it is the later one.
_EARLIER, _LATER = (0, 140, 255), (255, 200, 0)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="folder of a trained run or of weights")
    parser.add_argument(
        "--video", type=Path, nargs="+", required=True, help="videos, one strip each"
    )
    parser.add_argument("--output", type=Path, required=True, help="PNG to write")
    arguments = parser.parse_args()
    return cli.run(lambda: _draw(arguments.run, arguments.video, arguments.output))


def _draw(run: str, videos: list[Path], output: Path) -> None:
    recognizer = load(run)
    config = recognizer.config
    recipe = ClipRecipe(
        frames=config.frames,
        size=config.geometry().resolution,
        sampling="interval",
        scales=(1.0,),
    )
    rows: list[np.ndarray] = []
    for path in videos:
        frames, _ = recipe.evaluation_clip(path.read_bytes(), np.arange(config.frames))
        video = normalise(jax.numpy.asarray(frames[None]))
        rows.append(_row([_enlarged(frame) for frame in frames]))
        for block in alignments(config, recognizer.variables, video):
            masks = np.asarray(per_frame(block.previous, block.current)[0])
            rows.append(_row(_overlays(frames, masks, np.asarray(block.points[0]))))
    if not cv2.imwrite(str(output), np.concatenate(rows)):
        raise OSError(f"{output} could not be written")


def _overlays(frames: np.ndarray, masks: np.ndarray, points: np.ndarray) -> list[np.ndarray]:
    """Each frame dimmed where its mask is low, with its one or two points.

    masks: [t, g, g]. points: [t - 1, 2, 2], (x, y) of the earlier and of the later frame.
    """
    cells = []
    for t, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
        weight = cv2.resize(mask, (_CELL, _CELL), interpolation=cv2.INTER_NEAREST)
        cell = (_enlarged(frame) * (0.15 + 0.85 * weight[..., None])).astype(np.uint8)
        if t < len(points):
            _mark(cell, points[t, 0], mask.shape[0], _EARLIER)
        if t > 0:
            _mark(cell, points[t - 1, 1], mask.shape[0], _LATER)
        cells.append(cell)
    return cells


def _mark(cell: np.ndarray, point: np.ndarray, grid: int, colour: tuple[int, int, int]) -> None:
    """A ring at a point; the grid's lines −1 and 1 are the centres of its outermost patches."""
    x, y = ((point + 1) / 2 * (grid - 1) + 0.5) / grid * _CELL
    cv2.circle(cell, (round(float(x)), round(float(y))), 7, colour, 2, cv2.LINE_AA)


def _enlarged(frame: np.ndarray) -> np.ndarray:
    bgr = np.ascontiguousarray(frame[..., ::-1])
    return cv2.resize(bgr, (_CELL, _CELL), interpolation=cv2.INTER_CUBIC)


def _row(cells: list[np.ndarray]) -> np.ndarray:
    gap = np.full((_CELL, _GAP, 3), 255, np.uint8)
    row = np.concatenate([part for cell in cells for part in (cell, gap)][:-1], axis=1)
    return np.concatenate([row, np.full((_GAP, row.shape[1], 3), 255, np.uint8)])


if __name__ == "__main__":
    sys.exit(main())

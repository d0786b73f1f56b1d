"""The kinds of pictures: heat as the paper's supplement has it, attention, points and masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, UInt8

from ila_jax.pictures.looking import Aligned, Looked
from ila_jax.pictures.overlay import (
    EARLIER,
    LATER,
    dimmed,
    heat_overlay,
    mask_overlay,
    ring,
)
from ila_jax.pictures.sheet import Row, Sheet, beside

_SCALE = "violet: the lowest value of the row, yellow: its highest"
_RINGS = "rings: interactive points, orange in the earlier frame of a pair, blue in the later one"


@dataclass(frozen=True)
class Shown:
    """One model and the one clip it looked at.

    frames: in the size of the picture. looked: of a batch of one. columns: what each frame is.
    """

    title: str
    frames: UInt8[np.ndarray, "t h w 3"]
    looked: Looked
    columns: Sequence[str]

    @property
    def raw(self) -> Row:
        return Row("raw frames", self.frames)


def heat_middle(models: Sequence[Shown]) -> list[Sheet]:
    """The supplement's Figure 1: raw frames, then a row for each model, after block D/2."""
    title = "Norm of the patches' tokens after half of the blocks"
    return [_heat(title, models, [model.looked.middle for model in models])]


def heat_last(models: Sequence[Shown]) -> list[Sheet]:
    """The supplement's Figure 2: the same after the last block."""
    title = "Norm of the patches' tokens after the last block"
    return [_heat(title, models, [model.looked.blocks - 1 for model in models])]


def attention(models: Sequence[Shown]) -> list[Sheet]:
    """What the class token gives the patches: a sheet for each model, a row for each block."""
    return [
        Sheet(
            f"{model.title}: attention of the class token",
            model.columns,
            [model.raw, *(_coloured(model, *each) for each in _blocks(model.looked.attention[0]))],
            _SCALE,
        )
        for model in models
    ]


def alignment(models: Sequence[Shown]) -> list[Sheet]:
    """Masks and points on every frame: a sheet for each model that aligns, a row for each block."""
    return [
        Sheet(
            f"{model.title}: a patch is as bright as its weight in the alignment",
            model.columns,
            [
                model.raw,
                *(
                    Row(name, mask_overlay(model.frames, masks, aligned.points[0, i]))
                    for i, (name, masks) in enumerate(_blocks(aligned.masks[0]))
                ),
            ],
            _RINGS,
        )
        for model, aligned in _aligning(models)
    ]


def pairs(models: Sequence[Shown]) -> list[Sheet]:
    """Both frames of every pair with the mask and the point of that pair alone."""
    sheets = []
    for model, aligned in _aligning(models):
        names = model.columns
        heads = [f"{a} | {b}" for a, b in pairwise(names)]
        rows = [
            Row(name, np.stack([_pair(model.frames, aligned, i, s) for s in range(len(heads))]))
            for i, (name, _) in enumerate(_blocks(aligned.masks[0]))
        ]
        sheets.append(Sheet(f"{model.title}: pairs of frames", heads, rows, _RINGS))
    return sheets


def one_block(model: Shown, block: int) -> Sheet:
    """All that one block of one model looks at. block: counted from 0."""
    found, rows = model.looked, [model.raw]
    if found.aligned is not None:
        masks, points = found.aligned.masks[0, block], found.aligned.points[0, block]
        rows.append(Row(f"weights and points; {_RINGS}", mask_overlay(model.frames, masks, points)))
    rows += [
        _coloured(model, "attention of the class token", found.attention[0, block]),
        _coloured(model, "norm of the patches' tokens", found.heat[0, block]),
    ]
    title = f"{model.title}, block {block + 1} of {found.blocks}"
    return Sheet(title, model.columns, rows, _SCALE)


KINDS: dict[str, Callable[[Sequence[Shown]], list[Sheet]]] = {
    "heat_middle": heat_middle,
    "heat_last": heat_last,
    "attention": attention,
    "alignment": alignment,
    "pairs": pairs,
}


def _heat(title: str, models: Sequence[Shown], blocks: Sequence[int]) -> Sheet:
    rows = []
    for model, block in zip(models, blocks, strict=True):
        name = f"{model.title}, block {block + 1} of {model.looked.blocks}"
        rows.append(_coloured(model, name, model.looked.heat[0, block]))
    return Sheet(title, models[0].columns, [models[0].raw, *rows], _SCALE)


def _coloured(model: Shown, name: str, values: Float[np.ndarray, "t g g"]) -> Row:
    """A row on a scale of its own, which the caption states."""
    low, high = float(values.min()), float(values.max())
    tiles = heat_overlay(model.frames, values, scale=(low, high))
    return Row(f"{name}: {low:.3g} to {high:.3g}", tiles)


def _blocks(maps: Float[np.ndarray, "D t g g"]) -> list[tuple[str, np.ndarray]]:
    return [(f"block {i} of {len(maps)}", values) for i, values in enumerate(maps, start=1)]


def _aligning(models: Sequence[Shown]) -> list[tuple[Shown, Aligned]]:
    return [(model, model.looked.aligned) for model in models if model.looked.aligned is not None]


def _pair(frames: np.ndarray, aligned: Aligned, block: int, s: int) -> np.ndarray:
    earlier, later = aligned.earlier[0, block, s], aligned.later[0, block, s]
    points = aligned.points[0, block, s]
    first, second = dimmed(frames[s], earlier), dimmed(frames[s + 1], later)
    ring(first, points[0], len(earlier), EARLIER)
    ring(second, points[1], len(later), LATER)
    return beside([first, second])

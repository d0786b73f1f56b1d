"""Draws each kind of picture: heat as in the paper's supplement, attention, points and masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from ila_jax.pictures.overlay import (
    EARLIER,
    LATER,
    dimmed,
    heat_overlay,
    mask_overlay,
    ring,
)
from ila_jax.pictures.sheet import Sheet, Strip, row_of

# For a type alone: a wrong --show is said before jax is loaded.
if TYPE_CHECKING:
    from ila_jax.pictures.block_maps import AlignmentMaps, BlockMaps

_SCALE = "violet: the lowest value of the row, yellow: its highest"
_RINGS = "rings: interactive points, orange in the earlier frame of a pair, blue in the later one"


@dataclass(frozen=True)
class ModelView:
    """One model on one clip: the frames, and what its blocks make of them.

    frames: the clip in the size of the picture. maps: the maps of a batch of this one clip.
    columns: what each frame is, as the caption of its column.
    """

    title: str
    frames: UInt8[np.ndarray, "t h w 3"]
    maps: "BlockMaps"
    columns: Sequence[str]

    @property
    def raw(self) -> Strip:
        """The frames as they are, which every sheet begins with."""
        return Strip("raw frames", self.frames)


def heat_middle(models: Sequence[ModelView]) -> list[Sheet]:
    """The supplement's Figure 1: raw frames, then a row for each model, after block D/2."""
    title = "Norm of the patches' tokens after half of the blocks"
    return [_heat(title, models, [model.maps.middle for model in models])]


def heat_last(models: Sequence[ModelView]) -> list[Sheet]:
    """The supplement's Figure 2: the same after the last block."""
    title = "Norm of the patches' tokens after the last block"
    return [_heat(title, models, [model.maps.blocks - 1 for model in models])]


def attention(models: Sequence[ModelView]) -> list[Sheet]:
    """What the class token gives the patches: a sheet for each model, a row for each block."""
    return [
        Sheet(
            f"{model.title}: attention of the class token",
            model.columns,
            [
                model.raw,
                *(_coloured(model, *block) for block in _blocks(model.maps.attention[0])),
            ],
            _SCALE,
        )
        for model in models
    ]


def alignment(models: Sequence[ModelView]) -> list[Sheet]:
    """Masks and points on every frame: a sheet for each model that aligns, a row for each block."""
    return [
        Sheet(
            f"{model.title}: a patch is as bright as its weight in the alignment",
            model.columns,
            [
                model.raw,
                *(
                    Strip(name, mask_overlay(model.frames, masks, aligned.points[0, i]))
                    for i, (name, masks) in enumerate(_blocks(aligned.masks[0]))
                ),
            ],
            _RINGS,
        )
        for model, aligned in _aligning(models)
    ]


def pairs(models: Sequence[ModelView]) -> list[Sheet]:
    """Both frames of every pair with the mask and the point of that pair alone."""
    sheets = []
    for model, aligned in _aligning(models):
        names = model.columns
        # A tile is two frames wide, so a column is headed by both.
        heads = [f"{a} | {b}" for a, b in pairwise(names)]
        rows = [
            Strip(name, np.stack([_pair(model.frames, aligned, i, s) for s in range(len(heads))]))
            for i, (name, _) in enumerate(_blocks(aligned.masks[0]))
        ]
        sheets.append(Sheet(f"{model.title}: pairs of frames", heads, rows, _RINGS))
    return sheets


def one_block(model: ModelView, block: int) -> Sheet:
    """A sheet of all that one block of one model makes of the clip. block: counted from 0."""
    # Maps are of a batch, here of the one clip.
    maps, rows = model.maps, [model.raw]
    if maps.aligned is not None:
        masks, points = maps.aligned.masks[0, block], maps.aligned.points[0, block]
        rows.append(
            Strip(f"weights and points; {_RINGS}", mask_overlay(model.frames, masks, points))
        )
    rows += [
        _coloured(model, "attention of the class token", maps.attention[0, block]),
        _coloured(model, "norm of the patches' tokens", maps.heat[0, block]),
    ]
    title = f"{model.title}, block {block + 1} of {maps.blocks}"
    return Sheet(title, model.columns, rows, _SCALE)


# By the names that --show takes, in the order in which an album shows them.
KINDS: dict[str, Callable[[Sequence[ModelView]], list[Sheet]]] = {
    "heat_middle": heat_middle,
    "heat_last": heat_last,
    "attention": attention,
    "alignment": alignment,
    "pairs": pairs,
}


def _heat(title: str, models: Sequence[ModelView], blocks: Sequence[int]) -> Sheet:
    """The raw frames, then the heat of one block of each model. blocks: counted from 0."""
    rows = []
    for model, block in zip(models, blocks, strict=True):
        name = f"{model.title}, block {block + 1} of {model.maps.blocks}"
        rows.append(_coloured(model, name, model.maps.heat[0, block]))
    return Sheet(title, models[0].columns, [models[0].raw, *rows], _SCALE)


def _coloured(model: ModelView, name: str, values: Float[np.ndarray, "t g g"]) -> Strip:
    """Values of patches as a row of coloured frames, on a scale that the caption states."""
    # Each row on its own: the norms of two models, or of two blocks, have nothing in common.
    low, high = float(values.min()), float(values.max())
    tiles = heat_overlay(model.frames, values, scale=(low, high))
    return Strip(f"{name}: {low:.3g} to {high:.3g}", tiles)


def _blocks(maps: Float[np.ndarray, "D t g g"]) -> list[tuple[str, np.ndarray]]:
    """The maps of each block, with a caption that counts from 1."""
    return [(f"block {i} of {len(maps)}", values) for i, values in enumerate(maps, start=1)]


def _aligning(models: Sequence[ModelView]) -> "list[tuple[ModelView, AlignmentMaps]]":
    """The models that align, with their masks and points."""
    return [(model, model.maps.aligned) for model in models if model.maps.aligned is not None]


def _pair(frames: np.ndarray, aligned: "AlignmentMaps", block: int, s: int) -> np.ndarray:
    """Frames s and s + 1 side by side, each with its mask and its point in that pair."""
    earlier, later = aligned.earlier[0, block, s], aligned.later[0, block, s]
    points = aligned.points[0, block, s]
    first, second = dimmed(frames[s], earlier), dimmed(frames[s + 1], later)
    ring(first, points[0], len(earlier), EARLIER)
    ring(second, points[1], len(later), LATER)
    return row_of([first, second])

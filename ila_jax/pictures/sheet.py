"""Lays out sheets: rows of frames with captions, as one picture or played frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

Picture = UInt8[np.ndarray, "h w 3"]
# Pixels between two tiles, and of a line of text.
_GAP, _LINE = 6, 20
# Tiles next to each other in a clip that plays, so that it fits on a screen.
_ACROSS = 4
_PAPER, _INK = 255, (30, 30, 30)
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42


@dataclass(frozen=True)
class Strip:
    """A row of a sheet: a caption, and a tile for each column."""

    caption: str
    tiles: UInt8[np.ndarray, "t h w 3"]


@dataclass(frozen=True)
class Sheet:
    """Rows of equally many tiles. columns: the text above each. note: the text below all rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Strip]
    note: str


def sheet_picture(sheet: Sheet) -> Picture:
    """The sheet as one picture, time from left to right."""
    widths = [tile.shape[1] for tile in sheet.rows[0].tiles]
    # A name that is wider than its column is cut off, not drawn over the next one.
    heads = [_text(name)[:, :width] for name, width in zip(sheet.columns, widths, strict=True)]
    heads = [_padded(head, _LINE, width) for head, width in zip(heads, widths, strict=True)]
    parts = [_text(sheet.title), row_of(heads)]
    for row in sheet.rows:
        parts += [_text(row.caption), row_of(list(row.tiles))]
    return column_of([*parts, _text(sheet.note)])


def sheet_frames(sheet: Sheet) -> list[Picture]:
    """A picture for each column: the tiles of all rows at that time, in a grid."""
    wide = min(len(sheet.rows), _ACROSS)
    pictures = []
    for t, column in enumerate(sheet.columns):
        cells = [column_of([_text(row.caption), row.tiles[t]]) for row in sheet.rows]
        lines = [row_of(cells[i : i + wide]) for i in range(0, len(cells), wide)]
        pictures.append(column_of([_text(f"{sheet.title}: {column}"), *lines, _text(sheet.note)]))
    return pictures


def row_of(pictures: Sequence[Picture]) -> Picture:
    """Pictures next to each other, at their tops."""
    height = max(picture.shape[0] for picture in pictures)
    parts = [_padded(picture, height, picture.shape[1] + _GAP) for picture in pictures]
    # Each has a gap after it; the last one's is cut off.
    return np.concatenate(parts, axis=1)[:, :-_GAP]


def column_of(pictures: Sequence[Picture]) -> Picture:
    """Pictures under each other, at their left."""
    width = max(picture.shape[1] for picture in pictures)
    parts = [_padded(picture, picture.shape[0] + _GAP, width) for picture in pictures]
    return np.concatenate(parts)[:-_GAP]


def _padded(picture: Picture, height: int, width: int) -> Picture:
    """A picture on paper of another size, at its top left."""
    rest = ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))
    return np.pad(picture, rest, constant_values=_PAPER)


def _text(words: str) -> Picture:
    """A line of text, as wide as it is. OpenCV's fonts know ASCII alone."""
    # Other characters become question marks, as OpenCV would draw several of them for each.
    words = words.encode("ascii", "replace").decode()
    (width, _), _ = cv2.getTextSize(words, _FONT, _SCALE, 1)
    line = np.full((_LINE, width + 4, 3), _PAPER, np.uint8)
    cv2.putText(line, words, (2, _LINE - 6), _FONT, _SCALE, _INK, 1, cv2.LINE_AA)
    return line

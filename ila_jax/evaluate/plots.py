"""Plots of the report as SVG in text: they need no library to draw and none to show."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from ila_jax.pictures.addresses import png
from ila_jax.scoring.calibration import Bin

_INK, _PALE, _LINE = "#2f6690", "#d9e6ef", "#999999"
# Up to so many classes, their names fit beside the matrix.
_LABELLED = 40
# Letters of a name in a plot. The whole name is shown where the pointer rests on it.
_LONGEST = 34
_WHITE, _DARK = np.array([255, 255, 255]), np.array([20, 60, 95])


class Bar(NamedTuple):
    """A class, its figure from 0 to 1, None where it has no video, and the figure in words."""

    name: str
    value: float | None
    words: str


def class_bars(classes: Sequence[Bar]) -> str:
    """The figure of each class as a bar, with its words behind it."""
    step, left, wide = 20, 250, 360
    lines = []
    for i, item in enumerate(classes):
        y = 10 + i * step
        bar = 0.0 if item.value is None else wide * item.value
        label = "no video" if item.value is None else item.words
        lines += [
            _name(item.name, left - 8, y + 13, anchor="end"),
            f'<rect x="{left}" y="{y}" width="{wide}" height="{step - 4}" fill="{_PALE}"/>',
            f'<rect x="{left}" y="{y}" width="{bar:.1f}" height="{step - 4}" fill="{_INK}"/>',
            _text(label, left + wide + 8, y + 13),
        ]
    return _svg(left + wide + 110, 20 + len(classes) * step, lines, "each class")


def reliability(bins: Sequence[Bin]) -> str:
    """How often the best class is right, by its probability.

    The bars of a calibrated model end on the diagonal: of the videos that it gives 70 %, 70 % are
    right.
    """
    side, left, top = 320, 60, 15
    most = max(item.videos for item in bins)
    lines = [
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="{_LINE}"/>',
        f'<line x1="{left}" y1="{top + side}" x2="{left + side}" y2="{top}" stroke="{_LINE}" '
        'stroke-dasharray="4 4"/>',
    ]
    for item in bins:
        if item.accuracy is None:
            continue
        x, width = left + item.low * side, (item.high - item.low) * side
        high = item.accuracy * side
        # Bars of few videos are pale, as little can be read off them.
        shade = 0.25 + 0.75 * item.videos / most
        lines.append(
            f'<rect x="{x:.1f}" y="{top + side - high:.1f}" width="{width - 1:.1f}" '
            f'height="{high:.1f}" fill="{_INK}" fill-opacity="{shade:.2f}">'
            f"<title>{item.videos} videos, probability {item.confidence:.1%} in the mean, "
            f"{item.accuracy:.1%} right</title></rect>"
        )
    for share in (0.0, 0.5, 1.0):
        lines += [
            _text(f"{share:.0%}", left + share * side, top + side + 18, anchor="middle"),
            _text(f"{share:.0%}", left - 8, top + side - share * side + 5, anchor="end"),
        ]
    lines += [
        _text("probability of the best class", left + side / 2, top + side + 38, anchor="middle"),
        f'<g transform="translate(14 {top + side / 2}) rotate(-90)">'
        + _text("share that is right", 0, 0, anchor="middle")
        + "</g>",
    ]
    return _svg(left + side + 30, top + side + 50, lines, "calibration")


def confusion(counts: Int[np.ndarray, "k k"], names: Sequence[str]) -> str:
    """A matrix of confusions as a picture.

    Rows are the classes, columns what their videos were taken for. Colours are shares of the row.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # The square root makes few videos visible: a share of 1 % is drawn with a tenth of the colour.
    pixels = _WHITE + (_DARK - _WHITE) * np.sqrt(shares)[..., None]
    image = png(pixels.round().astype(np.uint8))
    labelled = len(names) <= _LABELLED
    side = max(320, 16 * len(names)) if labelled else 480
    left, top = (250, 10) if labelled else (30, 10)
    lines = [
        f'<image x="{left}" y="{top}" width="{side}" height="{side}" href="{image}" '
        'preserveAspectRatio="none" style="image-rendering: pixelated"/>',
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="none" stroke="{_LINE}"/>',
    ]
    # The image has a pixel for each pair of classes, and the browser enlarges it: so 400 classes
    # take a few kilobytes and not 160,000 rectangles.
    cell = side / len(names)
    for i, name in enumerate(names if labelled else ()):
        at = top + (i + 0.5) * cell
        lines.append(_name(name, left - 8, at + 4, anchor="end"))
        x, y = left + (i + 0.5) * cell + 4, top + side + 8
        lines.append(f'<g transform="translate({x:.1f} {y}) rotate(-90)">')
        lines.append(_name(name, 0, 0, anchor="end") + "</g>")
    # Room for the longest name, which stands upright: no letter of 12 pixels is wider than 8.
    below = 8 * min(_LONGEST, max(map(len, names))) if labelled else 0
    return _svg(left + side + 20, top + side + below + 20, lines, "confusions")


def _svg(width: float, height: float, lines: Sequence[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" role="img" aria-label="{escape(title)}">' + "".join(lines) + "</svg>"
    )


def _name(name: str, x: float, y: float, *, anchor: str) -> str:
    """A class's name, shortened where it is long."""
    short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    return _text(short, x, y, anchor=anchor, title=name)


def _text(text: str, x: float, y: float, *, anchor: str = "start", title: str = "") -> str:
    tooltip = f"<title>{escape(title)}</title>" if title else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{tooltip}{escape(text)}</text>'

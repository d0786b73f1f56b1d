"""Draws what a model names when in a video: frames, and the probabilities of classes below them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

SUFFIXES = (".png", ".svg", ".pdf")
# matplotlib has ten colours in a row, C0 to C9.
_MOST_CLASSES = 10
# In inches. The left margin and the foot hold ticks and labels, a gap the names of classes.
_FRAMES, _LEFT, _RIGHT, _TOP, _FOOT, _PANEL, _GAP = 11.0, 0.8, 0.15, 0.1, 0.5, 1.6, 0.35
_LEGEND = 2.4
# The width of a letter of 10 points on average.
_LETTER = 0.08


@dataclass(frozen=True, eq=False)
class Course:
    """The probabilities of all classes, one window of a video after the other.

    starts, ends: of the windows, in seconds.
    """

    starts: Float[np.ndarray, "w"]
    ends: Float[np.ndarray, "w"]
    probabilities: Float[np.ndarray, "w k"]

    @property
    def edges(self) -> Float[np.ndarray, "w+1"]:
        """Where one window gives way to the next: half-way through what they share or leave out."""
        inner = (self.ends[:-1] + self.starts[1:]) / 2
        return np.concatenate([self.starts[:1], inner, self.ends[-1:]])

    @property
    def best(self) -> list[int]:
        """The most probable class of each window."""
        best: list[int] = np.argmax(self.probabilities, axis=-1).tolist()
        return best


def require_matplotlib() -> Any:
    """Matplotlib's class Figure. Errors: ValueError where it is not installed."""
    # Not pyplot, which would keep every figure open and ask for a display.
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "the figure of a timeline needs matplotlib: pip install 'ila-jax[plots]'"
        ) from error
    return Figure


def draw(
    frames: UInt8[np.ndarray, "n s s 3"],
    courses: Mapping[str, Course],
    names: Sequence[str],
    path: Path,
) -> None:
    """Writes a row of frames, and below it a panel for each course, under the title that it has.

    frames: square ones, evenly over the time of the courses. names: of the classes.
    Errors: ValueError without matplotlib, OSError.
    """
    colours = class_colours(list(courses.values()))
    side = _FRAMES / len(frames)
    unlabelled = colours.keys() - {k for c in courses.values() for k, _ in labels(c, names)}
    width = _LEFT + _FRAMES + (_LEGEND if unlabelled else _RIGHT)
    height = _TOP + side + len(courses) * (_GAP + _PANEL) + _FOOT
    figure = require_matplotlib()(figsize=(width, height))

    def axes_at(top: float, size: float) -> Any:
        """Axes from so far below the upper edge of the figure, and so high, in inches."""
        return figure.add_axes(
            (_LEFT / width, 1 - (top + size) / height, _FRAMES / width, size / height)
        )

    axes = axes_at(_TOP, side)
    axes.imshow(np.concatenate(list(frames), axis=1), aspect="auto")
    axes.axis("off")
    for number, (title, course) in enumerate(courses.items(), start=1):
        axes = axes_at(_TOP + side + number * (_GAP + _PANEL) - _PANEL, _PANEL)
        _draw_course(axes, course, names, colours)
        axes.set_ylabel(title)
        # Numbers below the last panel only: between two, the names of classes are in their place.
        axes.tick_params(labelbottom=number == len(courses))
    axes.set_xlabel("seconds")
    if unlabelled:
        legend = axes.legend(fontsize="small", loc="lower left", bbox_to_anchor=(1, 0))
        # Here, as a label that begins with "_" would be left out, and one with "$" be a formula.
        for text, k in zip(legend.get_texts(), colours, strict=True):
            text.set(text=names[k], parse_math=False)
    figure.savefig(path, dpi=110)


def class_colours(courses: Sequence[Course]) -> dict[int, str]:
    """A colour for each class that is the best of a window: of at most ten, the commonest."""
    classes, counts = np.unique([k for course in courses for k in course.best], return_counts=True)
    ranked = classes[np.argsort(-counts, kind="stable")]
    return {k: f"C{i}" for i, k in enumerate(ranked[:_MOST_CLASSES].tolist())}


def labels(course: Course, names: Sequence[str]) -> Iterator[tuple[int, float]]:
    """The class that is the best of windows in a row, and the middle of these in seconds.

    Left out is one whose name is wider than its windows are drawn.
    """
    edges = course.edges
    inches = _FRAMES / (edges[-1] - edges[0])
    first = 0
    for best, run in groupby(course.best):
        start, end = edges[first], edges[first := first + len(list(run))]
        if len(names[best]) * _LETTER < (end - start) * inches:
            yield best, (start + end) / 2


def _draw_course(
    axes: Any, course: Course, names: Sequence[str], colours: Mapping[int, str]
) -> None:
    """The probability of each class that has a colour, as steps over the time."""
    for k, colour in colours.items():
        steps = (100 * course.probabilities[:, k], course.edges)
        axes.stairs(*steps, fill=True, color=colour, alpha=0.25)
        axes.stairs(*steps, color=colour, linewidth=1.5, label=str(k))
    for k, middle in labels(course, names):
        colour = colours.get(k, "gray")
        axes.text(middle, 103, names[k], color=colour, ha="center", parse_math=False)
    axes.set_xlim(course.edges[0], course.edges[-1])
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"])
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)

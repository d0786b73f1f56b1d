"""What happens when in a long video: the model on one window after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from ila_jax.data.clips.ahead import next_ahead
from ila_jax.data.clips.shared_views import SharedViews, shrunk_alike
from ila_jax.data.clips.windows import VideoWindow, Windows
from ila_jax.recognizer import Recognizer


@dataclass(frozen=True, eq=False)
class Moment:
    """A window of a video, from start to end in seconds.

    probabilities: of each class, float64 [k], the mean over the window's views.
    """

    start: float
    end: float
    probabilities: np.ndarray


def timeline(recognizer: Recognizer, windows: Windows) -> Iterator[Moment]:
    """Yields what the model says of each window, as if it were a video of its own.

    Meanwhile the next window is decoded.

        windows = Windows("day.mp4", seconds=10, stride=5)
        for moment in timeline(model, windows):
            print(moment.start, model.best(moment.probabilities, 1))

    Errors: BadVideo, at the latest after the last window; ValueError as `predict`.
    """
    for (moment,) in _together([recognizer], windows):
        yield moment


def both_ways(recognizer: Recognizer, windows: Windows) -> Iterator[tuple[Moment, Moment]]:
    """Yields what the model says of each window, and of its frames in reverse order.

    A model that sees how things move names something else then. Errors: as `timeline`.
    """
    recognizer.check_named()
    for window, views in next_ahead(windows.with_views(recognizer.views)):
        yield _moment(recognizer, window, views), _moment(recognizer, window, views[:, ::-1])


def timelines(recognizers: Sequence[Recognizer], windows: Windows) -> list[list[Moment]]:
    """The timeline of each of several models. Errors: as `timeline`.

    Models that look at equally shrunk frames share a decode (`data/clips/shared_views.py`).
    """
    results: dict[int, list[Moment]] = {}
    for numbers in shrunk_alike([recognizer.views for recognizer in recognizers]):
        moments = list(_together([recognizers[number] for number in numbers], windows))
        results.update({n: [row[i] for row in moments] for i, n in enumerate(numbers)})
    return [results[number] for number in range(len(recognizers))]


def _together(recognizers: Sequence[Recognizer], windows: Windows) -> Iterator[list[Moment]]:
    """Yields what each model says of each window. Their frames are shrunk alike."""
    # Before the first window is decoded, not after it.
    for recognizer in recognizers:
        recognizer.check_named()
    shared = SharedViews([recognizer.views for recognizer in recognizers])
    for window, views in next_ahead(windows.with_views(shared)):
        yield [
            _moment(recognizer, window, part)
            for recognizer, part in zip(recognizers, views, strict=True)
        ]


def _moment(
    recognizer: Recognizer, window: VideoWindow, views: UInt8[np.ndarray, "v t h w 3"]
) -> Moment:
    return Moment(window.start, window.end, recognizer.mean_probabilities(views))

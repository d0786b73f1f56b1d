"""What happens when in a long video: the model on one window after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ila_jax.data.clips.windows import Windows
from ila_jax.recognizer import Recognizer


@dataclass(frozen=True, eq=False)
class Moment:
    """start, end: in seconds. probabilities: of each class, float64 [k], mean over the views."""

    start: float
    end: float
    probabilities: np.ndarray


def timeline(recognizer: Recognizer, windows: Windows) -> Iterator[Moment]:
    """Each window as a video of its own, as `Recognizer.predict` sees one.

        windows = Windows("day.mp4", seconds=10, stride=5)
        for moment in timeline(model, windows):
            print(moment.start, model.best(moment.probabilities, 1))

    Errors: BadVideo, at the latest after the last window; ValueError as `predict`.
    """
    recognizer.check_named()
    for window, views in windows.with_views(recognizer.views):
        shares = recognizer.probabilities(views)
        yield Moment(window.start, window.end, shares.mean(axis=0, dtype=np.float64))

"""What the page says of one video, or why it says nothing; knows nothing of pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.answers.answers import Span, clock
from ila_jax.answers.timeline import timeline
from ila_jax.data.clips.windows import Windows
from ila_jax.data.video.limits import Unfinished, within
from ila_jax.pictures.kinds import Shown
from ila_jax.pictures.shown import show
from ila_jax.recognizer import Prediction, Recognizer

_SIDE = 160  # pixels of a frame in pictures


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one upload. seconds: for all work on it."""

    megabytes: int
    minutes: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Reply:
    """timeline: empty for a video of a single window. short: it has fewer frames than the model
    takes."""

    name: str
    predictions: Sequence[Prediction]
    timeline: Sequence[Span]
    shown: Shown
    short: bool


@dataclass(frozen=True)
class Desk:
    """A model that answers for files. title: what people know it by."""

    recognizer: Recognizer
    title: str
    limits: Limits

    def answer(self, paths: Sequence[Path], *, top_k: int, window: float) -> Reply:
        """window: seconds of a step of the timeline. Errors: ValueError that says what to do."""
        path = self._one(paths)
        try:
            return within(self.limits.seconds, lambda: self._look(path, top_k, window))
        except Unfinished:
            raise ValueError(
                f"{path.name} took longer than {self.limits.seconds:g} seconds: give a shorter part"
            ) from None
        except (ValueError, OSError) as error:
            raise ValueError(f"{path.name}: {_without_folder(error, path)}") from error

    def _one(self, paths: Sequence[Path]) -> Path:
        """The file, if it is one and small enough."""
        if not paths:
            raise ValueError("there is nothing to look at: drop a video, or take an example")
        if len(paths) > 1:
            raise ValueError(f"{len(paths)} files at once: give one video at a time")
        (path,), most = paths, self.limits.megabytes
        size = path.stat().st_size if path.is_file() else 0  # reading it tells what is wrong
        if size > most << 20:
            raise ValueError(f"{path.name} has {size / 2**20:.0f} MB: this page takes {most} MB")
        return path

    def _look(self, path: Path, top_k: int, window: float) -> Reply:
        windows = Windows(path, seconds=window)
        length = max(part.end for part in windows)
        if length > 60 * self.limits.minutes:
            raise ValueError(
                f"it lasts {clock(length)}, and this page takes {clock(60 * self.limits.minutes)} "
                "(minutes:seconds): cut a part out of it, or use python -m ila_jax.predict"
            )
        best = self.recognizer.predict(path, top_k)
        spans = []
        if len(windows) > 1:
            spans = [
                Span(moment.start, moment.end, self.recognizer.best(moment.probabilities, 1))
                for moment in timeline(self.recognizer, windows)
            ]
        shown = show(path, self.recognizer.config.temporal, self.recognizer, side=_SIDE)
        short = sum(part.count for part in windows) < self.recognizer.config.frames
        return Reply(path.name, best, spans, shown, short)


def _without_folder(error: Exception, path: Path) -> str:
    """Where the server keeps uploads is nobody's business."""
    return str(error).replace(str(path), "").strip()

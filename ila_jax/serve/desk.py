"""What the page says of one video, or why it says nothing; knows nothing of pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.answers.answers import Span, clock
from ila_jax.answers.timeline import timeline
from ila_jax.data.clips.windows import Windows
from ila_jax.data.video.limits import Unfinished, within
from ila_jax.pictures.kinds import ModelView
from ila_jax.pictures.model_view import show
from ila_jax.recognizer import Prediction, Recognizer

# Pixels of a frame in pictures, so that eight of them fit beside each other on a screen.
_SIDE = 160


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """What one upload may take. minutes: of its length. seconds: for all work on it."""

    megabytes: int
    minutes: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Reply:
    """What the page says of one video.

    timeline: empty for a video of a single window. view: what the blocks make of it. short: it has
    fewer frames than the model takes.
    """

    name: str
    predictions: Sequence[Prediction]
    timeline: Sequence[Span]
    view: ModelView
    short: bool


@dataclass(frozen=True)
class Desk:
    """A model that answers questions about uploaded files. title: what people know it by."""

    recognizer: Recognizer
    title: str
    limits: UploadLimits

    def answer(self, paths: Sequence[Path], *, top_k: int, window: float) -> Reply:
        """What the model says of the uploaded file, which is to be one.

        window: seconds of a step of the timeline. Errors: ValueError that says what to do.
        """
        path = self._one(paths)
        # With a limit of time: one visitor's file must not keep all others waiting.
        try:
            return within(self.limits.seconds, lambda: self._look(path, top_k, window))
        except Unfinished:
            raise ValueError(
                f"{path.name} took longer than {self.limits.seconds:g} seconds: give a shorter part"
            ) from None
        except (ValueError, OSError) as error:
            raise ValueError(f"{path.name}: {_without_folder(error, path)}") from error

    def _one(self, paths: Sequence[Path]) -> Path:
        """The one file among the uploads. Errors: ValueError for none, several, or a large one."""
        if not paths:
            raise ValueError("there is nothing to look at: drop a video, or take an example")
        if len(paths) > 1:
            raise ValueError(f"{len(paths)} files at once: give one video at a time")
        (path,), most = paths, self.limits.megabytes
        # Of what is no file, reading it says what is wrong.
        size = path.stat().st_size if path.is_file() else 0
        if size > most << 20:
            raise ValueError(f"{path.name} has {size / 2**20:.0f} MB: this page takes {most} MB")
        return path

    def _look(self, path: Path, top_k: int, window: float) -> Reply:
        """What the model says of a file. Errors: ValueError, and BadVideo, which is one."""
        windows = Windows(path, seconds=window)
        # The length stands in the index, so that a video that is too long costs no decoding.
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
        view = show(path, self.recognizer.config.temporal, self.recognizer, side=_SIDE)
        short = sum(part.count for part in windows) < self.recognizer.config.frames
        return Reply(path.name, best, spans, view, short)


def _without_folder(error: Exception, path: Path) -> str:
    """An error's words without the path of the upload, which is of no use to a visitor."""
    return str(error).replace(str(path), "").strip()

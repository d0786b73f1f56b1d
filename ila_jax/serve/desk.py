"""What the page says of one video, or why it says nothing; knows nothing of pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.answers.answers import Answer, Span, clock
from ila_jax.answers.timeline import Moment, timelines
from ila_jax.data.clips.shared_views import decode_views
from ila_jax.data.clips.windows import Windows
from ila_jax.data.video.decode import index_video
from ila_jax.data.video.files import read_file
from ila_jax.data.video.limits import Unfinished, within
from ila_jax.pictures.model_view import picture_views, view_of
from ila_jax.recognizer import Recognizer
from ila_jax.serve.reply import ModelAnswer, Reply

# Pixels of a frame in pictures, so that eight of them fit beside each other on a screen.
_SIDE = 160


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """What one upload may take. minutes: of its length. seconds: for all work on it."""

    megabytes: int
    minutes: float
    seconds: float


@dataclass(frozen=True)
class NamedModel:
    """A model, and the title that people know it by."""

    title: str
    recognizer: Recognizer


@dataclass(frozen=True)
class Desk:
    """One model, or two to be compared, that answer questions about uploaded files."""

    models: Sequence[NamedModel]
    limits: UploadLimits

    def answer(self, paths: Sequence[Path], *, top_k: int, window: float) -> Reply:
        """What the models say of the uploaded file, which is to be one.

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
        """What the models say of a file. Errors: ValueError, and BadVideo, which is one."""
        windows = Windows(path, seconds=window)
        self._check_length(windows)
        recognizers = [model.recognizer for model in self.models]
        index, count = index_video(read_file(path)), len(recognizers)
        # What is named and what is drawn come from one decode, as far as the models' sizes allow.
        wanted = [*(r.views for r in recognizers), *(picture_views(r) for r in recognizers)]
        views = decode_views(index, wanted)
        # A single window says what the whole video says.
        moments = timelines(recognizers, windows) if len(windows) > 1 else [[]] * count
        answers = []
        for named, looks, (clip,), steps in zip(
            self.models, views[:count], views[count:], moments, strict=True
        ):
            title, model = named.title, named.recognizer
            shares = model.mean_probabilities(looks)
            spans = [_span(model, moment, top_k) for moment in steps]
            short = index.count < model.config.frames
            answer = Answer(path.name, model.best(shares, top_k), spans, short)
            view = view_of(clip, index, title, model, side=_SIDE)
            answers.append(ModelAnswer(title, model.check_named(), shares, answer, view))
        return Reply(path.name, answers)

    def _check_length(self, windows: Windows) -> None:
        """Errors: ValueError for a video that is too long."""
        # The length stands in the index, so that a video that is too long costs no decoding.
        length = max(part.end for part in windows)
        if length > 60 * self.limits.minutes:
            raise ValueError(
                f"it lasts {clock(length)}, and this page takes {clock(60 * self.limits.minutes)} "
                "(minutes:seconds): cut a part out of it, or use python -m ila_jax.predict"
            )


def _span(model: Recognizer, moment: Moment, top_k: int) -> Span:
    return Span(moment.start, moment.end, model.best(moment.probabilities, top_k))


def _without_folder(error: Exception, path: Path) -> str:
    """An error's words without the path of the upload, which is of no use to a visitor."""
    return str(error).replace(str(path), "").strip()

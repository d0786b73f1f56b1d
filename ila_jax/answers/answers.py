"""What a model says of videos, for people and for programs."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ila_jax.files.json_files import json_text
from ila_jax.files.printable import all_printable, printable
from ila_jax.files.publish import publish, publish_bytes
from ila_jax.recognizer import Prediction
from ila_jax.tables import Table, render

_COLUMNS = ("video", "start", "end", "rank", "class", "probability", "problem")


@dataclass(frozen=True)
class Span:
    """A part of a long video, start and end in seconds, and its most probable classes."""

    start: float
    end: float
    predictions: Sequence[Prediction]


@dataclass(frozen=True)
class Answer:
    """The most probable classes of a video, the mean over its timeline where it has one.

    short: it, or a window of it, has fewer frames than the model takes. problem: why there is no
    answer.
    """

    video: str
    predictions: Sequence[Prediction] = ()
    timeline: Sequence[Span] = ()
    short: bool = False
    problem: str | None = None


def text(answer: Answer) -> str:
    """Tables for a terminal."""
    few = "some windows have" if answer.timeline else "it has"
    notes = [f"{few} fewer frames than the model takes: frames repeat"] if answer.short else []
    title, best = printable(answer.video), [(one.name, _percent(one)) for one in answer.predictions]
    if not answer.timeline:
        return render([Table(title, ("class", "probability"), best, notes)], markdown=False)
    columns = 5 if len(best) > 1 else 4
    rows = [_row(span)[:columns] for span in answer.timeline]
    windows = Table(title, ("from", "to", "class", "", "then")[:columns], rows)
    average = Table("on average", ("class", "probability"), best, notes)
    return render([windows, average], markdown=False)


def write_json(path: Path, answers: Sequence[Answer], about: dict[str, Any]) -> None:
    """An object with `about` and `videos`, a list of answers. Errors: OSError."""
    content = about | {"videos": [asdict(answer) for answer in answers]}
    publish_bytes(path, json_text(content, indent=2).encode())


def write_csv(path: Path, answers: Sequence[Answer]) -> None:
    """A row for each class of each video, and of each window of a timeline. Errors: OSError."""

    def write(file: Path) -> None:
        with file.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(_COLUMNS)
            for answer in answers:
                rows.writerows(all_printable(_rows(answer)))

    publish(path, write)


def clock(seconds: float) -> str:
    """`1:02:03.5`, without the hours where there are none."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{rest // 10:02}.{rest % 10}"


def _row(span: Span) -> tuple[str, ...]:
    first, *others = span.predictions
    then = ", ".join(f"{one.name} {_percent(one)}" for one in others)
    return clock(span.start), clock(span.end), first.name, _percent(first), then


def _rows(answer: Answer) -> list[tuple[Any, ...]]:
    if answer.problem is not None:
        return [(answer.video, "", "", "", "", "", answer.problem)]
    parts = [
        ("", "", answer.predictions),
        *((s.start, s.end, s.predictions) for s in answer.timeline),
    ]
    return [
        (answer.video, start, end, rank, one.name, one.probability, "")
        for start, end, predictions in parts
        for rank, one in enumerate(predictions, start=1)
    ]


def _percent(one: Prediction) -> str:
    return f"{one.probability:.1%}"

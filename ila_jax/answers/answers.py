"""What a model says of videos, for people and for programs."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from ila_jax.files.json_files import json_text
from ila_jax.files.printable import all_printable, printable
from ila_jax.files.publish import publish, publish_bytes
from ila_jax.predictions import Answer as Answer
from ila_jax.predictions import Prediction
from ila_jax.predictions import Span as Span
from ila_jax.tables import Table, render

# docs/how-to/prediction.md names these; programs read them by name.
_COLUMNS = ("video", "start", "end", "rank", "class", "probability", "problem")


def text(answer: Answer) -> str:
    """The answer as tables for a terminal: a timeline where it has one, and the classes."""
    few = "some windows have" if answer.timeline else "it has"
    notes = [f"{few} fewer frames than the model takes: frames repeat"] if answer.short else []
    if not answer.predictions:
        notes.append("no class is as probable as was asked for")
    title, best = (
        printable(answer.video),
        [(item.name, _percent(item)) for item in answer.predictions],
    )
    if not answer.timeline:
        return render([Table(title, ("class", "probability"), best, notes)], markdown=False)
    # Of a single class there is no other to name in the last column.
    columns = 5 if any(len(span.predictions) > 1 for span in answer.timeline) else 4
    rows = [span_row(span)[:columns] for span in answer.timeline]
    windows = Table(title, ("from", "to", "class", "", "then")[:columns], rows)
    average = Table("on average", ("class", "probability"), best, notes)
    return render([windows, average], markdown=False)


def write_json(path: Path, answers: Sequence[Answer], about: dict[str, Any]) -> None:
    """Writes a JSON object of what `about` holds, and of `videos`, the answers. Errors: OSError."""
    content = about | {"videos": [asdict(answer) for answer in answers]}
    publish_bytes(path, json_text(content, indent=2).encode())


def write_csv(path: Path, answers: Sequence[Answer]) -> None:
    """Writes a row for each class of each video, and of each window of a timeline.

    Errors: OSError.
    """

    def write(file: Path) -> None:
        with file.open("w", newline="", encoding="utf-8") as out:
            _write_rows(out, answers)

    publish(path, write)


def csv_text(answers: Sequence[Answer], *, models: Sequence[str] | None = None) -> str:
    """The text of the file that `write_csv` writes.

    models: the model that gave each of the answers, which is then a first column, `model`.
    """
    out = io.StringIO(newline="")
    _write_rows(out, answers, models)
    return out.getvalue()


def _write_rows(
    out: TextIO, answers: Sequence[Answer], models: Sequence[str] | None = None
) -> None:
    """Writes the head of a CSV file, and the rows of each answer. models: as of `csv_text`."""
    rows = csv.writer(out)
    rows.writerow(_COLUMNS if models is None else ("model", *_COLUMNS))
    firsts = [()] * len(answers) if models is None else [(model,) for model in models]
    for first, answer in zip(firsts, answers, strict=True):
        rows.writerows(all_printable([first + row for row in _rows(answer)]))


def clock(seconds: float) -> str:
    """A time in seconds as text, such as `1:02:03.5`, without hours where there are none."""
    # Rounded before it is split: 59.97 s are 1:00.0, and not 0:60.0.
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{rest // 10:02}.{rest % 10}"


def span_row(span: Span) -> tuple[str, str, str, str, str]:
    """A line of a timeline in a terminal: from, to, class, its probability, the other classes."""
    if not span.predictions:
        return clock(span.start), clock(span.end), "–", "", ""
    # The best class has columns of its own, so that these stand in line below each other.
    first, *others = span.predictions
    then = ", ".join(f"{item.name} {_percent(item)}" for item in others)
    return clock(span.start), clock(span.end), first.name, _percent(first), then


def _rows(answer: Answer) -> list[tuple[Any, ...]]:
    """The lines of one video in a CSV file, as `_COLUMNS` names their fields."""
    if answer.problem is not None:
        return [(answer.video, "", "", "", "", "", answer.problem)]
    # First the video as a whole, whose start and end are empty, then its windows.
    parts = [
        ("", "", answer.predictions),
        *((s.start, s.end, s.predictions) for s in answer.timeline),
    ]
    return [
        (answer.video, start, end, rank, item.name, item.probability, "")
        for start, end, predictions in parts
        for rank, item in enumerate(predictions, start=1)
    ] or [(answer.video, "", "", "", "", "", "")]


def _percent(prediction: Prediction) -> str:
    return f"{prediction.probability:.1%}"

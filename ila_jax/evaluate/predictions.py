"""`predictions.parquet`: what was said of every listed video, by all views and by each."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ila_jax.data.sources.source import ground_truth
from ila_jax.data.video.bad import Reason
from ila_jax.evaluate.accuracy import ScoredVideos
from ila_jax.evaluate.parts import ScoredParts
from ila_jax.evaluate.subject import Subject
from ila_jax.evaluate.views import ScoreRows
from ila_jax.files.plain_name import plain_name
from ila_jax.files.printable import all_printable, printable
from ila_jax.files.publish import publish_on_disk

PREDICTIONS = "predictions.parquet"
# Videos that are held in memory at a time: with 12 views of 400 classes, 20 MB of float32.
_GROUP = 1024


def write_predictions(folder: Path, subject: Subject, parts: ScoredParts) -> ScoredVideos:
    """Writes `predictions.parquet` from the parts, a row for each listed video, in their order.

    Errors: ValueError for a damaged part, OSError.
    """
    return publish_on_disk(folder / PREDICTIONS, lambda scratch: _write(scratch, subject, parts))


def _write(path: Path, subject: Subject, parts: ScoredParts) -> ScoredVideos:
    """Writes the rows group by group, and keeps of each video what the summary is made from."""
    groups, writer = [], None
    try:
        for numbers, rows in _groups(parts):
            videos = _videos(subject, numbers, rows)
            table = _table(subject, numbers, videos, rows)
            writer = writer or pq.ParquetWriter(plain_name(path), table.schema, compression="zstd")
            writer.write_table(table)
            groups.append(videos)
    finally:
        if writer is not None:
            writer.close()
    return ScoredVideos(
        *(
            np.concatenate([getattr(v, name) for v in groups])
            for name in ("label", "reason", "short", "probabilities")
        )
    )


def _groups(parts: ScoredParts) -> Iterator[tuple[range, ScoreRows]]:
    """Parts joined into groups of `_GROUP` videos or a few more.

    A row group of Parquet for each batch would make the file larger and slower to read.
    """
    parts_of_group: list[ScoreRows] = []
    start = stop = 0
    for numbers, rows in parts.read():
        parts_of_group.append(rows)
        stop = numbers.stop
        if stop - start >= _GROUP:
            yield range(start, stop), _joined(parts_of_group)
            parts_of_group, start = [], stop
    if parts_of_group:
        yield range(start, stop), _joined(parts_of_group)


def _joined(parts: list[ScoreRows]) -> ScoreRows:
    """The rows of several parts as one."""
    return {name: np.concatenate([rows[name] for rows in parts]) for name in parts[0]}


def _videos(subject: Subject, numbers: range, rows: ScoreRows) -> ScoredVideos:
    """What the summary counts of the videos `numbers`, the unreadable ones included."""
    # `index` and `bad` count the videos of the whole list, arrays here those of the group.
    place, bad = rows["index"] - numbers.start, rows["bad"]
    reason = np.full(len(numbers), -1)
    reason[bad[:, 0] - numbers.start] = bad[:, 1]
    return ScoredVideos(
        label=ground_truth(subject.source)[numbers.start : numbers.stop],
        reason=reason,
        short=_whole(rows["short"], place, len(numbers)),
        # Not in float32: the sum of twelve rounded shares decides between close classes.
        probabilities=_whole(
            rows["probabilities"].mean(axis=1, dtype=np.float64), place, len(numbers)
        ),
    )


def _whole(values: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    """Rows of all `count` videos: `values` at the places of the readable ones, zeros at others."""
    out = np.zeros((count, *values.shape[1:]), values.dtype)
    out[place] = values
    return out


def _table(subject: Subject, numbers: range, videos: ScoredVideos, rows: ScoreRows) -> pa.Table:
    """The columns that docs/how-to/evaluation.md lists, a row for each of the videos `numbers`."""
    readable, place = videos.readable, rows["index"] - numbers.start
    # What an unreadable video does not have is null, so that nobody averages its zeros.
    reasons = [None if code < 0 else Reason(code).name for code in videos.reason.tolist()]
    columns = {
        "video": pa.array([printable(subject.ids[i]) for i in numbers], pa.string()),
        **_labels(videos.label),
        "readable": pa.array(readable),
        "reason": pa.array(reasons, pa.string()),
        "short": pa.array(videos.short),
        "predicted": pa.array(videos.predicted, pa.int32(), mask=~readable),
        "probabilities": _lists(videos.probabilities, readable),
        "view_probabilities": _lists(
            _whole(rows["probabilities"], place, len(numbers)).astype(np.float32), readable
        ),
    }
    if "points" in rows:
        columns["points"] = _lists(_whole(rows["points"], place, len(numbers)), readable)
    # Labels are numbers: the names travel with the file, as metadata of its schema.
    names = json.dumps(all_printable(subject.class_names), ensure_ascii=False)
    return pa.table(columns).replace_schema_metadata({"class_names": names})


def _labels(label: np.ndarray) -> dict[str, pa.Array]:
    """The column `label`, or `labels` with the numbers of all classes of a video."""
    if label.ndim == 1:
        return {"label": pa.array(label, pa.int32())}
    numbers = [np.flatnonzero(row).tolist() for row in label]
    return {"labels": pa.array(numbers, pa.list_(pa.int32()))}


def _lists(values: np.ndarray, present: np.ndarray) -> pa.Array:
    """An array of two or more dimensions as lists in lists, null where not present."""
    # From the inside out: each level of lists says only where its parts begin and end in the level
    # below, so that the numbers are not copied.
    flat = pa.array(values.ravel())
    for size in reversed(values.shape[2:]):
        flat = pa.ListArray.from_arrays(_offsets(len(flat), size), flat)
    return pa.ListArray.from_arrays(
        _offsets(len(flat), values.shape[1]), flat, mask=pa.array(~present)
    )


def _offsets(length: int, size: int) -> pa.Array:
    """Where lists of `size` numbers begin and end among `length` numbers, as Arrow wants them."""
    return pa.array(np.arange(0, length + 1, size), pa.int32())

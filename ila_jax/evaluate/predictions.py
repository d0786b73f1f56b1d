"""`predictions.parquet`: what was said of every listed video, by all views and by each."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ila_jax.data.video.bad import Reason
from ila_jax.evaluate.accuracy import Videos
from ila_jax.evaluate.parts import Parts
from ila_jax.evaluate.subject import Subject
from ila_jax.evaluate.views import Rows
from ila_jax.files.plain_name import plain_name
from ila_jax.files.printable import all_printable, printable
from ila_jax.files.publish import publish_on_disk

PREDICTIONS = "predictions.parquet"
_GROUP = 1024  # videos held at a time while they are written


def write_predictions(folder: Path, subject: Subject, parts: Parts) -> Videos:
    """Writes `predictions.parquet` from the parts, a row for each listed video, in their order.

    Errors: ValueError for a damaged part, OSError.
    """
    return publish_on_disk(folder / PREDICTIONS, lambda scratch: _write(scratch, subject, parts))


def _write(path: Path, subject: Subject, parts: Parts) -> Videos:
    """Writes the rows group by group, and keeps of each video what the summary is made from."""
    found, writer = [], None
    try:
        for which, rows in _groups(parts):
            videos = _videos(subject, which, rows)
            table = _table(subject, which, videos, rows)
            writer = writer or pq.ParquetWriter(plain_name(path), table.schema, compression="zstd")
            writer.write_table(table)
            found.append(videos)
    finally:
        if writer is not None:
            writer.close()
    return Videos(
        *(
            np.concatenate([getattr(v, name) for v in found])
            for name in ("label", "reason", "short", "probabilities")
        )
    )


def _groups(parts: Parts) -> Iterator[tuple[range, Rows]]:
    """The parts put together until they are of many videos."""
    held: list[Rows] = []
    start = stop = 0
    for which, rows in parts.read():
        held.append(rows)
        stop = which.stop
        if stop - start >= _GROUP:
            yield range(start, stop), _joined(held)
            held, start = [], stop
    if held:
        yield range(start, stop), _joined(held)


def _joined(held: list[Rows]) -> Rows:
    return {name: np.concatenate([rows[name] for rows in held]) for name in held[0]}


def _videos(subject: Subject, which: range, rows: Rows) -> Videos:
    place, bad = rows["index"] - which.start, rows["bad"]
    reason = np.full(len(which), -1)
    reason[bad[:, 0] - which.start] = bad[:, 1]
    return Videos(
        label=subject.source.labels[which.start : which.stop],
        reason=reason,
        short=_whole(rows["short"], place, len(which)),
        # Not in float32: the sum of twelve rounded shares decides between close classes.
        probabilities=_whole(
            rows["probabilities"].mean(axis=1, dtype=np.float64), place, len(which)
        ),
    )


def _whole(values: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    """Rows of the videos that could be read among zeros for the others."""
    out = np.zeros((count, *values.shape[1:]), values.dtype)
    out[place] = values
    return out


def _table(subject: Subject, which: range, videos: Videos, rows: Rows) -> pa.Table:
    readable, place = videos.readable, rows["index"] - which.start
    reasons = [None if code < 0 else Reason(code).name for code in videos.reason.tolist()]
    columns = {
        "video": pa.array([printable(subject.ids[i]) for i in which], pa.string()),
        "label": pa.array(videos.label, pa.int32()),
        "readable": pa.array(readable),
        "reason": pa.array(reasons, pa.string()),
        "short": pa.array(videos.short),
        "predicted": pa.array(videos.predicted, pa.int32(), mask=~readable),
        "probabilities": _lists(videos.probabilities, readable),
        "view_probabilities": _lists(
            _whole(rows["probabilities"], place, len(which)).astype(np.float32), readable
        ),
    }
    if "points" in rows:
        columns["points"] = _lists(_whole(rows["points"], place, len(which)), readable)
    names = json.dumps(all_printable(subject.class_names), ensure_ascii=False)
    return pa.table(columns).replace_schema_metadata({"class_names": names})


def _lists(values: np.ndarray, present: np.ndarray) -> pa.Array:
    """An array of two or more dimensions as lists in lists, null where not present."""
    flat = pa.array(values.ravel())
    for size in reversed(values.shape[2:]):
        flat = pa.ListArray.from_arrays(_offsets(len(flat), size), flat)
    return pa.ListArray.from_arrays(
        _offsets(len(flat), values.shape[1]), flat, mask=pa.array(~present)
    )


def _offsets(length: int, size: int) -> pa.Array:
    return pa.array(np.arange(0, length + 1, size), pa.int32())

"""Metrics of a run: `metrics.jsonl`, TensorBoard files, and Weights & Biases if asked for."""

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar

from ila_jax.files.json_files import json_text
from ila_jax.files.printable import all_printable
from ila_jax.files.publish import publish_text, remove_partial
from ila_jax.files.writable import not_written
from ila_jax.scoring.history import read_metrics
from ila_jax.train.weights_and_biases import Board


class Writer:
    """Appends to a run's metrics; starts by dropping what lies after the step it resumes from.

    A run that was killed has lines after its last checkpoint; they are written again, the same.
    Of several processes only the first writes. resumed_at: the step gone on from, 0 in a fresh run.
    board: gets the same values, and is closed with this.
    """

    def __init__(
        self,
        workdir: Path,
        *,
        resumed_at: int,
        first: bool = True,
        board: Board | None = None,
    ):
        self._path, self._first = workdir / "metrics.jsonl", first
        self._online = board
        entries = read_metrics(self._path)
        self._entries = [entry for entry in entries if entry["step"] <= resumed_at]
        if not first:
            return
        with self._plain_words():
            remove_partial(workdir, self._path.name)  # what a kill left of the line below
            publish_text(self._path, "".join(_line(entry) for entry in self._entries))
            self._file = self._path.open("a", encoding="utf-8")
            (workdir / "tensorboard").mkdir(exist_ok=True)
            # Not SummaryWriter: it hands events to a thread, which dies in silence on a full disk
            # and then blocks the run.
            self._board = EventsWriter(str(workdir / "tensorboard" / "events"))
            # Tells TensorBoard to drop what its older files hold from here on.
            start = Event(session_log=SessionLog(status=SessionLog.START), step=resumed_at + 1)
            self._board.write_event(start)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Writes one line, which is on its way to the disk when this returns. Errors: OSError."""
        self._entries.append({"step": step, **values})
        if not self._first:
            return
        # Some are called after classes, whose names may be no UTF-8; TensorBoard's files are.
        values = all_printable(values)
        with self._plain_words():
            self._file.write(_line({"step": step, **values}))
            # After every line: what a kill leaves in a buffer would be lost.
            self._file.flush()
            for name, value in values.items():
                summary = scalar(name, value)
                self._board.write_event(Event(summary=summary, step=step, wall_time=time.time()))
            self._board.flush()
        # The service comes last: the run's own files do not wait for a network.
        if self._online is not None:
            self._online.write(step, values)

    def has(self, step: int, name: str) -> bool:
        """Whether the run, also before it was resumed, wrote a value called `name` at a step."""
        return any(entry["step"] == step and name in entry for entry in self._entries)

    def history(self, name: str) -> list[float]:
        """All values called `name` of the run until now, from the first on; none that is no number.

        It is the same on all processes.
        """
        values = [entry[name] for entry in self._entries if name in entry]
        return [value for value in values if value is not None and math.isfinite(value)]

    @property
    def entries(self) -> list[dict[str, float]]:
        """All lines of the run until now, from the first on; the same on all processes."""
        return self._entries

    def close(self) -> None:
        """Closes all files, and the board. Errors: OSError."""
        if not self._first:
            return
        with self._plain_words():
            self._file.close()
            self._board.close()
        if self._online is not None:
            self._online.close()

    @contextlib.contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            remedy = "The checkpoints are whole: then run the same command again"
            raise not_written(self._path.parent, error, remedy) from error


def _line(entry: dict[str, float]) -> str:
    # JSON has no NaN and no infinity: null stands for both.
    return json_text({name: v if math.isfinite(v) else None for name, v in entry.items()})

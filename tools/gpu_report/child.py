"""A row's process as the report sees it, and the loop that gives them the device in turn."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from tools.gpu_report import turn
from tools.gpu_report.rows import Row

Entries = dict[str, Any]
COMMAND = [sys.executable, "-m", "tools.gpu_report.row"]  # it takes the row as JSON
_TAIL = 1500  # characters of an error that are kept
_CLOSING = 10.0  # seconds for a process that has ended to be read to its end
ENDED = "ended"  # a mark, as READY is
_FULL = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory", "OutOfMemory")
# Memory is taken as it is needed: the next row's process is there already. Compilation is cold.
_ENVIRONMENT = {
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "XLA_CLIENT_MEM_FRACTION": "0.92",
    "JAX_ENABLE_COMPILATION_CACHE": "false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "PYTHONUNBUFFERED": "1",
}


class Child:
    """A row that is measured in its own process, which has the device's memory to itself.

    entries: what it has told so far. changed: called after each.
    """

    def __init__(self, row: Row, changed: Callable[[], None]):
        self.row, self.entries = row, Entries()
        self._changed = changed
        self._state = threading.Condition()
        self._marks: set[str] = set()
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (its life)
        # A run's own environment may hold the old name of the fraction, and jax refuses both.
        kept = {k: v for k, v in os.environ.items() if k != "XLA_PYTHON_CLIENT_MEM_FRACTION"}
        self._process = subprocess.Popen(
            [*COMMAND, json.dumps(dataclasses.asdict(row))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=kept | _ENVIRONMENT,
            text=True,
            process_group=0,  # its own: PyTorch's compiler starts workers, which end with it
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None, "it is a pipe"
        for line in self._process.stdout:
            if not line.endswith("\n"):
                break  # cut off by its end
            if line.startswith(turn.RESULT):
                self._add(json.loads(line.removeprefix(turn.RESULT)))
            elif line.strip() == turn.READY:
                self._mark(turn.READY)
        if self._process.wait():
            self._add({"error": self._error()})
        self._mark(ENDED)

    def _add(self, told: Entries) -> None:
        """Parts are told one by one, and gathered."""
        gathered = self.entries.get("parts", {}) | told.get("parts", {})
        self.entries |= told | ({"parts": gathered} if gathered else {})
        self._changed()

    def _mark(self, mark: str) -> None:
        with self._state:
            self._marks.add(mark)
            self._state.notify_all()

    def _error(self) -> str:
        self._errors.seek(0)
        text = self._errors.read().strip()
        # The first words of XLA's errors say what is wrong, and the last lines where.
        lines = [line for line in text.splitlines() if "Error" in line or "RESOURCE" in line]
        first = lines[-1][:_TAIL] if lines else ""
        return f"{first}\n{text[-_TAIL:]}".strip() or f"exit status {self._process.returncode}"

    def reaches(self, mark: str, seconds: float) -> bool:
        """Whether it gets there in time; a process that has ended is at no mark before its end."""
        with self._state:
            self._state.wait_for(lambda: {mark, ENDED} & self._marks, max(seconds, 0))
            return mark in self._marks

    def go(self) -> None:
        """Gives it the device."""
        assert self._process.stdin is not None, "it is a pipe"
        try:
            self._process.stdin.write(turn.GO + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has just ended, and `reaches` says so

    def stop(self, why: str) -> None:
        """Ends it and what it started, if it still runs, and says why."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._reader.join(_CLOSING)
            self.entries["error"] = why
            self._changed()

    def close(self) -> None:
        """Lets go of what it was read through, once it has ended."""
        self._reader.join(_CLOSING)
        if self._reader.is_alive():
            return  # somebody whom it started holds the pipe, and closing it would wait for them
        for file in (self._process.stdin, self._process.stdout, self._errors):
            if file is not None:
                file.close()

    @property
    def full(self) -> bool:
        """Whether the device's memory was too small for it."""
        return any(words in self.entries.get("error", "") for words in _FULL)


class Children:
    """The rows of a report, one after the other on the device.

    ahead: how many of the next ones trace and compile beside one. Nothing is measured meanwhile:
    compilers try kernels on the device. limit: seconds of one row, and of what comes before its
    turn. budget: seconds of all.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        ahead: int,
        limit: float,
        budget: float,
        changed: Callable[[], None],
        done: Callable[[Child, float], None],
    ):
        self._rows, self._ahead, self._limit = list(rows), ahead, limit
        self._end = time.monotonic() + budget
        self._changed, self._done = changed, done
        self.children: list[Child] = []

    def run(self) -> None:
        """Measures every row for which there is time."""
        try:
            while len(self.children) < len(self._rows) and self._left() > 0:
                first = len(self.children)
                for row in self._rows[first : first + 1 + self._ahead]:
                    self.children.append(Child(row, self._changed))
                for child in self._prepared(self.children[first:]):
                    self._measure(child)
        finally:
            self._finish()

    @property
    def left_out(self) -> list[Row]:
        """The rows for which there was no time."""
        return self._rows[len(self.children) :]

    def _left(self) -> float:
        return self._end - time.monotonic()

    def _prepared(self, children: Sequence[Child]) -> list[Child]:
        """Those that need the device, once all of them do or time is up; the others are ended.

        A compiler that went on would try kernels on the device while others are measured.
        """
        begin = time.monotonic()
        end = begin + min(self._limit, self._left())
        for child in children:
            child.reaches(turn.READY, end - time.monotonic())
        ready = [child for child in children if child.reaches(turn.READY, 0)]
        seconds = time.monotonic() - begin
        for child in children:
            if child not in ready:
                child.stop(f"not compiled in time, within {seconds:.0f} s")
                self._is_over(child, seconds)
        return ready

    def _measure(self, child: Child) -> None:
        begin = time.monotonic()
        child.go()
        child.reaches(ENDED, min(self._limit, self._left()))
        seconds = time.monotonic() - begin
        child.stop(f"stopped after {seconds:.0f} s of its turn: no more time")
        self._is_over(child, seconds)

    def _is_over(self, child: Child, seconds: float) -> None:
        self._done(child, seconds)
        halved = child.row.halved()
        if child.full and halved.batch >= 2:
            # After those that are started already.
            self._rows.insert(len(self.children), halved)

    def _finish(self) -> None:
        for child in self.children:
            child.stop("stopped before its turn: no more time")
            child.close()

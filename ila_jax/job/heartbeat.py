"""Ends a run that hangs, in words: which process stopped or holds up the others, and where."""

import faulthandler
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from ila_jax.files.publish import remove_partial, renamed_when_whole

_T = TypeVar("_T")
# The phases of a run, in the words of the messages.
LOADING, SAVING, COMPUTING, VALIDATING = "loading data", "saving", "in the step", "validating"
ENDING = "ending"
# In these a process may be waiting for the others, and is not to blame.
_TOGETHER = (COMPUTING, VALIDATING, ENDING)
# So many beats without a sign: the process is stopped, and not just busy.
_SILENT_BEATS = 10
# Seconds without a beat after which the others need not wait any longer. JAX's own limit is 100,
# and it does not say where.
_LOST_AFTER = 75.0
# The libraries by which processes are connected, on CPUs and on NVIDIA's GPUs; and not a part of a
# path, which an error of the disk may quote.
_CONNECTIONS = re.compile(r"(?<![\w/.-])(?:Gloo|NCCL)\b(?![/.-])")


@dataclass(frozen=True)
class Place:
    """Where a process of a run is, as its file says it.

    idle: seconds without progress. silent: seconds since it wrote this; infinite where there is no
    file. error: what it ended with. gave_up: it has ended itself, having waited too long.
    """

    process: int
    host: str = "?"
    pid: int = 0
    step: int = 0
    phase: str = "starting"
    idle: float = 0.0
    error: str | None = None
    gave_up: bool = False
    silent: float = float("inf")


class Heartbeat:
    """A thread that writes where the process is, and ends it when it does not get on.

    Each process keeps a file `<process>` in a folder that all of them see. One that makes no
    progress for longer than `limit` seconds reads the files of the others, says what is wrong, and
    ends with 1, whatever its main thread hangs in; sooner if another gives no sign of life.
    Checkpoints are left as they are. Counting starts with the second step: the first is compiled,
    which may take longer. The end has no limit: a slow disk may take as long as it needs for the
    last save. But then, too, a process that gives no sign of life is not waited for.
    """

    def __init__(
        self, folder: Path, *, process: int, processes: int, limit: float, every: float = 1.0
    ):
        """process: the number of this one among `processes`. every: seconds between two beats."""
        self._folder, self._processes = folder, processes
        self._limit, self._every = limit, every
        self._place = Place(process, socket.gethostname(), os.getpid(), silent=0.0)
        # Counted in beats, not by the clock: while a process is stopped (Ctrl-Z) none goes by.
        self._idle = 0.0
        self._first: int | None = None
        self._ending = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="heartbeat", daemon=True)

    def beat(self, step: int, phase: str) -> None:
        """There is progress: from now on the process is in this phase of this step."""
        self._first = step if self._first is None else self._first
        self._place = replace(self._place, step=step, phase=phase)
        self._idle = 0.0

    def validating(self, batches: Iterable[_T], step: Callable[[], int]) -> Iterator[_T]:
        """The same batches: to wait for one is to load, and all between two of them to validate.

        step: gives the step that the process is in by then.
        """
        for batch in batches:
            self.beat(step(), VALIDATING)
            yield batch
            self.beat(step(), LOADING)
        # After the last batch its results are still waited for, together with the others.
        self.beat(step(), VALIDATING)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Surrounds what beats: after it comes the end, well or with an error."""
        try:
            yield
        except BaseException as error:  # Ctrl-C as well: the others will want to know
            self._place = replace(self._place, error=str(error) or type(error).__name__)
            raise
        else:
            self._place = replace(self._place, phase=ENDING)
        finally:
            self._ending, self._idle = True, 0.0

    def __enter__(self) -> Self:
        """Starts the thread. A folder that cannot be made is for the checkpoints to say."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            # What a kill has left would keep the last process from removing the folder.
            remove_partial(self._folder, str(self._place.process))
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the thread; after a good end, nothing is left in the folder."""
        self._closed.set()
        self._thread.join()
        self._write()
        if error is not None:
            if self._processes > 1 and is_of_jax(error):
                self._explain(error)
            return
        own = self._path(self._place.process)
        with suppress(OSError):
            own.with_suffix(".stacks").unlink(missing_ok=True)
            own.unlink(missing_ok=True)
            self._folder.rmdir()  # by the last one

    def _watch(self) -> None:
        while not self._closed.wait(self._every):
            self._idle += self._every
            self._write()
            # Only from the second step on: the first is compiled, which may take longer.
            begun = self._first is not None and self._place.step > self._first
            late = self._idle > self._limit and not self._ending
            if begun and (late or self._waits_in_vain()):
                self._end()

    def _waits_in_vain(self) -> bool:
        enough = min(_LOST_AFTER, self._limit)
        if self._idle <= enough:
            return False
        # One that has ended well has removed its file.
        return any(enough < place.silent < float("inf") for place in self._places())

    def _explain(self, error: BaseException) -> None:
        """Says which process is gone if that is why a step failed, and ends without waiting for it.

        JAX itself would wait for minutes.
        """
        # A process that is gone shows by its silence: so long one has to wait for it to show.
        for _ in range(2 * _SILENT_BEATS):
            others = [p for p in self._places() if p.process != self._place.process]
            lost = _SILENT_BEATS * self._every
            if any(p.error is not None or p.gave_up or p.silent > lost for p in others):
                message = (str(error).splitlines() or [""])[0]
                print(f"\nerror: {message[:300]}\n{self._described()}", file=sys.stderr, flush=True)
                os._exit(1)
            time.sleep(self._every)
            self._write()

    def _write(self) -> None:
        values = asdict(self._place) | {"idle": self._idle}
        del values["silent"]
        path = self._path(self._place.process)
        # Not synced: after a power cut no process is left to ask about, and a sync that waits for
        # a checkpoint's bytes would look like a process that has stopped.
        # A full disk is for the checkpoints to say.
        with suppress(OSError), renamed_when_whole(path) as scratch:
            scratch.write_text(json.dumps(values))

    def _end(self) -> NoReturn:
        # Or the others would take its silence for the cause.
        self._place = replace(self._place, gave_up=True)
        self._write()
        stacks = self._path(self._place.process).with_suffix(".stacks")
        with suppress(OSError), stacks.open("w") as file:
            faulthandler.dump_traceback(file)
        print(
            f"\nerror: no progress for {self._idle:.0f} s: the run hangs, and ends.\n"
            f"{self._described()}\n"
            f"Where its threads stand: {stacks}. The last checkpoint is whole, the same command "
            f"goes on from it. If nothing was wrong, raise train.hang_limit ({self._limit:g})",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)  # nothing else ends a main thread that hangs in a library

    def _described(self) -> str:
        silent = min(_SILENT_BEATS * self._every, self._limit / 2)
        return described(self._places(), self._place.process, silent)

    def _places(self) -> list[Place]:
        return [self._read(process) for process in range(self._processes)]

    def _read(self, process: int) -> Place:
        path = self._path(process)
        try:
            with path.open() as file:  # opened: a network file system may answer stat from memory
                values, written = json.load(file), os.fstat(file.fileno()).st_mtime
            # By the file system's clock, which the hosts share, unlike their own.
            silent = self._path(self._place.process).stat().st_mtime - written
            return Place(**values, silent=max(silent, 0.0))
        except (OSError, ValueError, TypeError):  # none, or another version's
            return Place(process)

    def _path(self, process: int) -> Path:
        return self._folder / str(process)


def is_of_jax(error: BaseException) -> bool:
    """Whether an error is of the devices, or of the connections between processes.

    Some of jax's functions raise those of connections as a plain ValueError: only the text tells.
    """
    if isinstance(error, ValueError) and _CONNECTIONS.search(str(error)) is not None:
        return True
    return type(error).__name__ == "JaxRuntimeError"


def described(places: list[Place], here: int, silent: float) -> str:
    """Who holds up whom, in words.

    places: of every process, in their order. here: the number of the one that asks. silent: seconds
    without a beat after which a process is taken for stopped.
    """
    if len(places) == 1:
        return _at(places[0])
    culprits, why = _culprits(places, silent)
    lines = [f"{_at(place)}: {why}{place.error or ''}" for place in culprits]
    if not culprits:
        lines = [f"{why}: step {places[here].step}, {places[here].phase}"]
    elif places[here] not in culprits:
        lines.append(f"{_at(places[here])}, and waits for it")
    return "\n".join(lines)


def _culprits(places: list[Place], silent: float) -> tuple[list[Place], str]:
    """The processes that hold up the others, and why; none when all processes wait.

    The causes are tried from the surest on, as one may bring about those that come after it.
    """
    # An error may come of this: JAX says then that a connection is closed.
    gone = [place for place in places if place.silent > silent and not place.gave_up]
    if stopped := [place for place in gone if place.error is None]:
        return stopped, "it gives no sign of life: it was stopped, or has died"
    if failed := [place for place in places if place.error is not None]:
        return failed, "it ended with an error: "
    behind = min(place.step for place in places)
    if behind < max(place.step for place in places):
        return [place for place in places if place.step == behind], "it is behind the others"
    if apart := [place for place in places if place.phase not in _TOGETHER]:
        return apart, "the others wait for it"
    return [], "all processes wait in the same place; a device or the network hangs"


def _at(place: Place) -> str:
    where = f"process {place.process} (host {place.host}, pid {place.pid})"
    if place.silent == float("inf"):
        return f"process {place.process} (no heartbeat found)"
    return f"{where} at step {place.step}, {place.phase}"

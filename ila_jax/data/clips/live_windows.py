"""Windows over live pictures: the newest one wins, and what is too late is left out.

A thread reads all pictures as they come, so that nothing piles up behind a slow model. Memory holds
the shrunk pictures of a window and of the one that waits for the model.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ila_jax.data.clips.views import Views
from ila_jax.data.clips.windows import check_lengths
from ila_jax.data.video.live import LivePicture
from ila_jax.data.video.live_source import LiveProblem

# Seconds without a picture after which watching ends, and seconds between two tries to connect.
PATIENCE, _PAUSE = 30.0, 1.0
# The longest window: every picture of it is in memory, 10 MB for a second of 30 at 256x455 pixels.
LONGEST = 60.0
# The most pictures of a window, also of a stream that claims to have thousands in a second.
_MOST_PICTURES = 4096
_LOOK = 0.2  # seconds between two looks at the clock


@dataclass(frozen=True, eq=False)
class LiveWindow:
    """A stretch of a live stream, in seconds from its first picture, with all its pictures.

    number: of the window since the connection. captured: when its last picture was captured, by the
    clock of this machine.
    """

    number: int
    start: float
    end: float
    captured: float
    pictures: Sequence[np.ndarray]

    def views(self, views: Views) -> np.ndarray:
        """What a model looks at, uint8 [v, t, h, w, 3], as of a video file of these frames."""
        clips = views.frames(len(self.pictures), self.number)
        return views.cut(clips, np.stack([self.pictures[k] for k in np.unique(clips).tolist()]))


class WindowCutter:
    """Cuts windows from pictures that come one by one, at the places where `Windows` cuts a file.

    Where several are complete at once, as after a gap, only the newest that has a picture is cut. A
    window never reaches over a break: a clock that goes back, or another size of picture.
    """

    def __init__(self, seconds: float, stride: float, offset: float = 0.0) -> None:
        """seconds, stride: of a window, and between two. offset: is added to the windows' times."""
        self._seconds, self._stride, self._offset = seconds, stride, offset
        self._held = deque[LivePicture](maxlen=_MOST_PICTURES)
        self._first: float | None = None
        self._last: LivePicture | None = None
        self._number = -1  # of the newest window that is complete

    def add(self, picture: LivePicture) -> LiveWindow | None:
        """Takes the next picture; returns the window that is complete by it, if there is one."""
        if self._last is None or _breaks(self._last, picture):
            self._begin(picture)
        self._last = picture
        window = self._complete(self._since_first(picture))
        self._held.append(picture)
        # No window to come begins before this.
        needed = _rounded((self._number + 1) * self._stride)
        while self._held and self._since_first(self._held[0]) < needed:
            self._held.popleft()
        return window

    def _begin(self, picture: LivePicture) -> None:
        """Begins anew, with windows that are counted from this picture."""
        if self._last is not None and self._first is not None:
            self._offset += self._last.time - self._first
        self._first, self._number = picture.time, -1
        self._held.clear()

    def _complete(self, now: float) -> LiveWindow | None:
        """The newest window with a picture that ends by now, if it was not cut yet."""
        newest = math.floor(_rounded((now - self._seconds) / self._stride))
        if newest <= self._number or not self._held:
            return None
        self._number = newest
        # After a gap the windows in it are empty: none that begins later has the last picture.
        number = min(newest, math.floor(_rounded(self._since_first(self._held[-1]) / self._stride)))
        start = _rounded(number * self._stride)
        end = _rounded(start + self._seconds)
        inside = [p for p in self._held if start <= self._since_first(p) < end]
        if not inside:
            return None
        pixels = [picture.pixels for picture in inside]
        return LiveWindow(
            number, start + self._offset, end + self._offset, inside[-1].captured, pixels
        )

    def _since_first(self, picture: LivePicture) -> float:
        return _rounded(picture.time - (self._first or 0.0))


class LiveWindows:
    """The windows of a live source, each the newest when it is asked for.

    A stream that breaks off is connected to again. Errors, of the iteration: LiveProblem where the
    source cannot be opened, or has given no picture for `patience` seconds.

    pictures: how many have come. skipped: how many windows were complete, and made place for a
    newer one before they were asked for. reconnections: how often the stream came back.
    """

    def __init__(
        self,
        connect: Callable[[], Iterator[LivePicture]],
        *,
        seconds: float,
        stride: float,
        patience: float = PATIENCE,
        pause: float = _PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """connect: opens the source and yields its pictures, as `live_pictures`.

        pause: seconds before a broken stream is connected to again. clock: the time of this
        machine, that of `connect`. Errors: ValueError for lengths that make no windows.
        """
        check_live_lengths(seconds, stride)
        self._connect, self._seconds, self._stride = connect, seconds, stride
        self._patience, self._pause, self._clock = patience, pause, clock
        self.pictures = self.skipped = self.reconnections = 0
        self._changed, self._stopped = threading.Condition(), threading.Event()
        self._newest: LiveWindow | None = None
        self._ended = False
        self._problem: BaseException | None = None
        self._begun: float | None = None  # when the first picture was captured
        self._last_picture = clock()

    def __iter__(self) -> Iterator[LiveWindow]:
        # A daemon: nothing can end a thread inside a driver but the end of the process.
        reader = threading.Thread(target=self._read, daemon=True, name="live")
        self._last_picture = self._clock()
        reader.start()
        try:
            while (window := self._next()) is not None:
                yield window
        finally:
            self._stopped.set()
            reader.join(_LOOK)

    def _next(self) -> LiveWindow | None:
        """Waits for the newest window; None after the last. Errors: LiveProblem."""
        with self._changed:
            while self._newest is None and not self._ended:
                self._changed.wait(_LOOK)
                self._check_patience()
            window, self._newest = self._newest, None
        if window is None and self._problem is not None:
            raise self._problem
        return window

    def _check_patience(self) -> None:
        if self._clock() - self._last_picture > self._patience:
            last = "" if self._problem is None else f" ({self._problem})"
            raise LiveProblem(f"no picture has come for {self._patience:g} s{last}")

    def _read(self) -> None:
        """The thread: reads connection after connection, until the source ends or fails."""
        try:
            while not self._stopped.is_set() and self._read_connection():
                self._stopped.wait(self._pause)
        except BaseException as error:  # raised again, in the thread that asks for windows
            self._problem = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read_connection(self) -> bool:
        """Reads until the connection ends; returns whether there may be another one."""
        came = self.pictures
        try:
            for picture in self._connect():
                if self._stopped.is_set():
                    return False
                if self.pictures == came:
                    cutter = self._new_cutter(picture)
                self._take(picture, cutter.add(picture))
        except LiveProblem as problem:
            # What was never there is told at once: most likely the address is wrong.
            if self.pictures == 0:
                raise
            self._problem = problem
            return True
        return False

    def _new_cutter(self, picture: LivePicture) -> WindowCutter:
        """Cuts the windows of a connection, on the time since the first picture of all."""
        if self._begun is None:
            self._begun = picture.captured
        else:
            self.reconnections += 1
        return WindowCutter(self._seconds, self._stride, picture.captured - self._begun)

    def _take(self, picture: LivePicture, window: LiveWindow | None) -> None:
        """Counts a picture, and puts a window in the place of one that nobody has taken."""
        self._last_picture = self._clock()
        self._problem = None
        with self._changed:
            self.pictures += 1
            if window is not None:
                self.skipped += self._newest is not None
                self._newest = window
                self._changed.notify_all()


def check_live_lengths(seconds: float, stride: float) -> None:
    """Checks the length and the stride of live windows, in seconds. Errors: ValueError."""
    check_lengths(seconds, stride)
    if max(seconds, stride) > LONGEST:
        raise ValueError(
            f"windows of {seconds:g} s, every {stride:g} s: of a live stream expected up to "
            f"{LONGEST:g} s, since memory holds every picture of a window"
        )


def _rounded(value: float) -> float:
    # To the microsecond, as `video_windows` does it: 3 x 0.1 is more than 0.3.
    return round(value, 6)


def _breaks(last: LivePicture, picture: LivePicture) -> bool:
    """Whether a picture's time or size does not go on with the one before it."""
    return picture.time < last.time or picture.pixels.shape != last.pixels.shape

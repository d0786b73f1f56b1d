"""What ends a run before its last step: SIGTERM, Ctrl-C, or a file in its folder."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ila_jax.job.processes import say

# `touch RUN/stop` ends a run as SIGTERM does, from any machine that sees the folder. It ends one
# run: the next start removes it (train/start.py).
STOP_FILE = "stop"
# Seconds between two looks for the file: on a network file system each one costs.
_INTERVAL = 1.0


@contextmanager
def stop_requests(workdir: Path) -> Iterator[Callable[[], bool]]:
    """Gives a function that tells whether this process was asked to stop the run.

    Within the block a signal is only remembered, and the caller stops where it is safe. A second
    signal ends the process at once.
    """
    requested = False
    last_look = -_INTERVAL

    def remember(number: int, _: object) -> None:
        nonlocal requested
        requested = True
        # A run that hangs never comes to where it would stop: the next signal is the system's.
        signal.signal(number, signal.SIG_DFL)
        say(f"{signal.Signals(number).name}: stopping after this step")

    def stop_asked() -> bool:
        nonlocal requested, last_look
        if not requested and time.monotonic() - last_look >= _INTERVAL:
            last_look = time.monotonic()
            if (workdir / STOP_FILE).exists():
                requested = True
                say(f"{workdir / STOP_FILE} is there: stopping after this step")
        return requested

    handlers = {n: signal.signal(n, remember) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop_asked
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

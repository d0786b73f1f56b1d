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
_SECONDS = 1.0  # between looks: on a network file system each one costs


@contextmanager
def stop_requests(workdir: Path) -> Iterator[Callable[[], bool]]:
    """Whether this process was asked to stop the run; a second signal ends the process at once."""
    came = False
    looked = -_SECONDS

    def remember(number: int, _: object) -> None:
        nonlocal came
        came = True
        signal.signal(number, signal.SIG_DFL)
        say(f"{signal.Signals(number).name}: stopping after this step")

    def asked() -> bool:
        nonlocal came, looked
        if not came and time.monotonic() - looked >= _SECONDS:
            looked = time.monotonic()
            if (workdir / STOP_FILE).exists():
                came = True
                say(f"{workdir / STOP_FILE} is there: stopping after this step")
        return came

    before = {n: signal.signal(n, remember) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

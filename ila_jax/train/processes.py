"""The processes of a run: joining them, one voice, and stopping all at the same step."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
from jax.experimental import multihost_utils
from tqdm import tqdm

# What tells how many tasks a launcher started: Slurm, Open MPI.
_TASKS = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")


def connect(address: str | None, count: int | None, index: int | None) -> None:
    """Joins this process with the others of a run, before jax is used for anything else.

    address: host:port of process 0; all None lets jax find them, in a task of Slurm, Open MPI or
    an indexed Kubernetes job. Errors: ValueError when it finds none.
    """
    try:
        jax.distributed.initialize(address, count, index)
    except (ValueError, RuntimeError) as error:
        said = str(error).strip().splitlines()[0][:300]
        tasks = ", ".join(f"{name}={os.environ[name]}" for name in _TASKS if name in os.environ)
        raise ValueError(
            f"the processes of the run could not be joined: {said}. Start them by srun, mpirun or "
            f"an indexed Kubernetes job (found here: {tasks or 'none of them'}), or give each "
            "process --coordinator HOST:PORT --processes N --process-id I"
        ) from error


def is_first() -> bool:
    """Whether this process is the one that writes logs and lists."""
    return jax.process_index() == 0


def wait_for_all(what: str) -> None:
    """Returns when every process has come here."""
    multihost_utils.sync_global_devices(what)


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or Ctrl-C came; a second one ends the process at once."""
    came = []

    def remember(number: int, _: object) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)
        say(f"{signal.Signals(number).name}: stopping after this step")

    before = {n: signal.signal(n, remember) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(text: str) -> None:
    """One line on stderr that leaves the progress bar whole."""
    if is_first():
        tqdm.write(text, file=sys.stderr)

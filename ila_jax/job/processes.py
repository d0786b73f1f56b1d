"""The processes of a run: joining them, and one voice."""

import os
import sys

import jax
from jax.experimental import multihost_utils
from tqdm import tqdm

# Variables by which a launcher tells how many tasks it started: Slurm's and Open MPI's.
_TASKS = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")
# For how many seconds a process waits until all have come: jax's own default.
_PATIENCE = 300


def connect(address: str | None, count: int | None, index: int | None) -> None:
    """Joins this process with the others of a run, before jax is used for anything else.

    address: host:port of process 0; all None lets jax find them, in a task of Slurm, Open MPI or
    an indexed Kubernetes job. Errors: ValueError when it finds none.
    """
    _announce(address, count, index)
    try:
        # With all three given jax detects nothing, and this process takes all devices of its
        # host. Where jax detects a task of Slurm or Open MPI, it takes the one of its local number.
        method = None if None in (address, count, index) else "deactivate"
        jax.distributed.initialize(
            address,
            count,
            index,
            cluster_detection_method=method,
            initialization_timeout=_PATIENCE,
        )
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:300]
        tasks = ", ".join(f"{name}={os.environ[name]}" for name in _TASKS if name in os.environ)
        raise ValueError(
            f"the processes of the run could not be joined: {reason}. Start them by srun, mpirun "
            f"or an indexed Kubernetes job (found here: {tasks or 'none of them'}), or give each "
            "process --coordinator HOST:PORT --processes N --process-id I"
        ) from error


def _announce(address: str | None, count: int | None, index: int | None) -> None:
    """Says that the first of several processes waits for the others, as jax says nothing of it."""
    if address is not None and index == 0 and count is not None and count > 1:
        # Where one does not start, jax aborts in C++: no error that could be caught and put in
        # words.
        print(
            f"waiting for all {count} processes at {address}: if one has not come after "
            f"{_PATIENCE} seconds, jax aborts with DEADLINE_EXCEEDED",
            file=sys.stderr,
        )


def is_first() -> bool:
    """Whether this process is the first, which alone writes logs and lists."""
    return jax.process_index() == 0


def wait_for_all(what: str) -> None:
    """Returns when every process has come here. what: a name for the place, in jax's errors."""
    multihost_utils.sync_global_devices(what)


def progress_bar(done: int, total: int, unit: str) -> tqdm:
    """A progress bar with speed and remaining time, shown by the first process alone."""
    # Seconds between two drawings: a log file needs no animation.
    interval = 0.1 if sys.stderr.isatty() else 30.0
    return tqdm(
        initial=done,
        total=total,
        unit=unit,
        dynamic_ncols=True,
        mininterval=interval,
        maxinterval=2 * interval,
        disable=not is_first(),
    )


def measure_from(bar: tqdm, done: int) -> None:
    """Moves a bar to a number of steps, and counts speed and remaining time from there.

    What came before, such as the compilation of the first step, tells nothing of the other steps.
    """
    bar.n = bar.initial = bar.last_print_n = done
    # It counts from where the bar was drawn last, at its beginning.
    bar.unpause()
    bar.refresh()


def say(text: str) -> None:
    """Writes one line to stderr, from the first process alone, and leaves a progress bar whole."""
    if is_first():
        tqdm.write(text, file=sys.stderr)

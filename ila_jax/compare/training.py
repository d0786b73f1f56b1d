"""Trains, scores and measures the runs of a comparison, in one process or several."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from ila_jax.compare import comparison
from ila_jax.compare.runs import TrainingRun
from ila_jax.data.synthetic import motion_pairs
from ila_jax.files.lock import only_writer
from ila_jax.job.processes import say


def check(runs: Sequence[TrainingRun]) -> None:
    """Checks that the folders hold no other runs. Errors: ValueError naming what differs."""
    from ila_jax.train.start import check_folder

    # Also of runs that are done: their results are of the configurations they were trained with.
    for run in runs:
        check_folder(run.workdir, run.config)


def work(runs: Sequence[TrainingRun], *, parent: int | None = None) -> bool:
    """Does what is left of every run that no other process has taken; False when a signal ends it.

    parent: of a helper, the process that started it; with its end the work ends after a run.
    Errors: those of `train`.
    """
    import jax

    # Not the time of day, which a clock that is set would change.
    begin, done = time.monotonic(), 0
    for number, run in enumerate(runs, start=1):
        with _claim(run) as claim:
            if claim is None or run.is_done:
                continue
            say(f"run {number} of {len(runs)}: {run}")
            if not _finish(run):
                return False
        # No later run has the same program, and the compiled ones would pile up in memory.
        jax.clear_caches()
        done += 1
        left = sum(not other.is_done for other in runs)
        minutes = (time.monotonic() - begin) / done * left / 60
        say(f"{left} of {len(runs)} runs are left, about {minutes:.0f} minutes for one process")
        # A helper whose command was killed would go on for hours, and nobody know of it.
        if parent not in (None, os.getppid()):
            return False
    return True


@contextmanager
def helpers(arguments: Sequence[str], count: int) -> Iterator[None]:
    """So many more processes that do the same work, until the block ends; all share the cores.

    arguments: of this command.
    """
    command = [sys.executable, "-m", "ila_jax.compare", *arguments]
    processes = [
        subprocess.Popen([*command, "--helper", f"{number}/{count + 1}"])
        for number in range(1, count + 1)
    ]
    # After they are started: they inherit the cores of this process, and take their part of those.
    share_cores(0, count + 1)
    try:
        yield
        for process in processes:
            process.wait()
    finally:
        # A signal that ends the work of this process ends theirs: they save, and stop.
        for process in processes:
            process.terminate()
            process.wait()


def share_cores(number: int, processes: int) -> None:
    """Keeps this process to its part of the cores, before jax starts a thread for each of them.

    It does nothing where there are fewer cores than processes, or the system has no such call.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if 1 < processes <= len(cores):
        os.sched_setaffinity(0, cores[number::processes])


@contextmanager
def _claim(run: TrainingRun) -> Iterator[TextIO | None]:
    """The run's lock while it is worked on; None where another process has it."""
    try:
        lock = only_writer(run.workdir / "claim", "another process has this run")
    except ValueError:
        yield None
        return
    with lock:
        yield lock


def _finish(run: TrainingRun) -> bool:
    """Trains, scores and measures a run, as far as that is left; False when a signal stopped it."""
    from ila_jax.compare import alignment_of_runs
    from ila_jax.train.loop import train

    motion_pairs.ensure(run.config.data)
    if not run.result.exists() or not run.clips.exists():
        if not train(run.config, run.workdir):
            return False
        _score(run)
    alignment_of_runs.write(run)
    return True


def _score(run: TrainingRun) -> None:
    """Writes what a trained run says of each clip, and what that comes to."""
    from ila_jax.scoring import time_order

    answers = time_order.answers(run.workdir, run.config)
    comparison.write_clips(answers, run.clips)
    outcome = comparison.Outcome(
        run.method,
        run.positions,
        run.seed,
        time_order.accuracies(answers),
        comparison.training_speed(run.workdir / "metrics.jsonl"),
        *run.setting,
        steps=run.config.train.steps,
        batch=run.config.train.batch,
    )
    # Last: it says that the run is scored.
    comparison.write(outcome, run.result)

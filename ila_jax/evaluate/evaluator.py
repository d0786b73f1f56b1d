"""Scores every video of a set once, on all devices, and goes on where it was stopped."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ila_jax.data.clips.pipeline import Batch
from ila_jax.data.video.bad import Reason
from ila_jax.data.video.bad_fraction import too_many_bad
from ila_jax.evaluate import results
from ila_jax.evaluate.parts import ScoredParts
from ila_jax.evaluate.predictions import write_predictions
from ila_jax.evaluate.report import write_report
from ila_jax.evaluate.subject import Subject
from ila_jax.evaluate.views import ScoreRows, ViewPredictor, score
from ila_jax.files.lock import only_writer
from ila_jax.files.publish import sync_folder
from ila_jax.job.batches import view_batches
from ila_jax.job.heartbeat import Heartbeat
from ila_jax.job.processes import is_first, progress_bar, say, wait_for_all
from ila_jax.job.sharding import make_mesh, put_state
from ila_jax.job.stop import stop_requests


def evaluate(subject: Subject, folder: Path) -> bool:
    """Scores what is left, and writes the results; False when SIGTERM or Ctrl-C came before.

    The folder then holds `result.json`, `predictions.parquet` and `report.html`. Before, it holds
    what is done, and the same call goes on from there, also on other devices.
    Errors: ValueError, OSError, RuntimeError in plain words.
    """
    about, count = subject.about(), len(subject.source)
    results.check_folder(folder, about)
    finished = results.finished(folder)
    # All processes decide by the same folder: the first must not write into it before the last has
    # read it, or one would score while another believes that all is done.
    wait_for_all("looked into the folder")
    parts = ScoredParts(folder / "parts")
    if finished:
        results.check_whole(folder)
        # A kill after the result got its name left the parts. The name itself may not be on the
        # disk yet, and until it is, the parts are all that a power cut would leave.
        sync_folder(folder)
        parts.remove()
        say(f"{folder} holds this evaluation already")
        return True
    with _claimed(folder, parts, about):
        if _score_rest(subject, folder, parts) < count:
            say("stopped: the same command goes on from there")
            return False
        if is_first():
            # `result.json` comes last: that it is there says that the other two are.
            videos = write_predictions(folder, subject, parts)
            result = about | results.summary(subject, videos)
            write_report(folder, subject, result, videos)
            results.write_result(folder, result)
            # Last: all three files are on the disk by now, and nothing needs the parts any more.
            parts.remove()
    return True


@contextmanager
def _claimed(folder: Path, parts: ScoredParts, about: dict[str, Any]) -> Iterator[None]:
    """Makes the folder this evaluation's as long as the block runs.

    Errors: ValueError when another process is evaluating into it; OSError.
    """
    with ExitStack() as locks:
        if is_first():
            message = (
                f"another process is evaluating into {folder}: stop it, or give another --output"
            )
            # The lock comes first: the folder of an evaluation at work is not to be claimed.
            locks.enter_context(only_writer(parts.folder, message))
            results.claim(folder, about)
        yield


def _score_rest(subject: Subject, folder: Path, parts: ScoredParts) -> int:
    """Scores the videos that are in no part yet; returns the first that it did not come to.

    Errors: RuntimeError when too many videos cannot be read.
    """
    config, count = subject.config, len(subject.source)
    at, unreadable = _done(parts)
    if at == count:
        return at
    if at:
        say(f"going on from video {at} of {count}")
    heartbeat = Heartbeat(
        folder / "heartbeats",
        process=jax.process_index(),
        processes=jax.process_count(),
        limit=config.train.hang_limit,
    )
    batches = view_batches(config, subject.source, first=at)
    # Left from right to left: the readers end, then signals mean again what they did, and the
    # heartbeat goes on until then, for other processes to see that this one is not stuck.
    with heartbeat, stop_requests(folder) as stop, heartbeat.ending(), closing(batches):
        predict = _predictor(subject)

        def beating(batches: Iterator[Batch]) -> Iterator[ScoreRows]:
            return predict(heartbeat.validating(batches, lambda: at))

        with progress_bar(at, count, "video") as bar:
            for rows in score(beating, batches, stop=stop):
                unreadable += len(rows["bad"])
                _check_readable(subject, rows["bad"], unreadable)
                first, at = at, at + len(rows["index"]) + len(rows["bad"])
                # Each process has all rows, and one writes them: on the disk before the devices get
                # more to do, so that a kill costs the batch that they have and no more.
                if is_first():
                    parts.write(first, at, rows)
                bar.update(at - first)
    return at


def _done(parts: ScoredParts) -> tuple[int, int]:
    """The first video that is not done, and how many before it were bad, as process 0 sees it.

    On network file systems, others may see the folder as it was seconds ago.
    """
    counts = np.zeros(2, np.int32)
    if is_first():
        bad = [len(rows["bad"]) for _, rows in parts.read(["bad"])]
        counts[:] = parts.end(), sum(bad)
    at, unreadable = multihost_utils.broadcast_one_to_all(counts).tolist()
    return at, unreadable


def _predictor(subject: Subject) -> Callable[[Iterator[Batch]], Iterator[ScoreRows]]:
    """The model on all devices, as a function of this process's batches."""
    config, recognizer = subject.config, subject.recognizer
    # Every device has all weights: a model in evaluation needs no optimizer, and fits.
    mesh = make_mesh()
    text = recognizer.class_features if config.model.head == "text" else None
    variables, text = put_state(mesh, (recognizer.for_inference().variables, text))
    predict = ViewPredictor(config.model, mesh, clips=config.evaluation.batch)
    return functools.partial(predict, variables, text)


def _check_readable(subject: Subject, bad: np.ndarray, unreadable: int) -> None:
    """Errors: RuntimeError when more videos than allowed turned out to be bad, some of them now."""
    # Of all listed videos, not of those so far: three bad files at the beginning end nothing.
    count, allowed = len(subject.source), subject.config.data.max_bad_fraction
    if not len(bad) or not too_many_bad(unreadable, count, allowed):
        return
    examples = "\n  ".join(
        f"{subject.source.name(index)}: {Reason(reason).sentence}"
        for index, reason in bad[:5].tolist()
    )
    raise RuntimeError(
        f"{unreadable} of {count} videos cannot be read so far, more than "
        f"data.max_bad_fraction={allowed:g} of them, such as\n  {examples}\nRepair the files or "
        "data.root and give a new --output, or raise the fraction: the same command then goes on"
    )

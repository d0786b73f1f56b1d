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
from ila_jax.evaluate.parts import Parts
from ila_jax.evaluate.predictions import write_predictions
from ila_jax.evaluate.report import write_report
from ila_jax.evaluate.subject import Subject
from ila_jax.evaluate.views import Rows, ViewPredictor, score
from ila_jax.files.lock import only_writer
from ila_jax.files.publish import sync_folder
from ila_jax.job.batches import view_batches
from ila_jax.job.heartbeat import LOADING, VALIDATING, Heartbeat
from ila_jax.job.processes import is_first, progress_bar, say, wait_for_all
from ila_jax.job.sharding import make_mesh, put_state
from ila_jax.job.stop import stop_requests


def evaluate(subject: Subject, folder: Path) -> bool:
    """Scores what is left, and writes the results; False when SIGTERM or Ctrl-C came before.

    The folder then holds `result.json`, `predictions.parquet` and `report.html`. Before, it holds
    what is done, and the same call goes on from there, also on other devices.
    Errors: ValueError, OSError, RuntimeError in plain words.
    """
    about, listed = subject.about(), len(subject.source)
    results.check_folder(folder, about)
    finished = results.finished(folder)
    wait_for_all("looked into the folder")  # before anything in it changes
    parts = Parts(folder / "parts")
    if finished:
        results.check_whole(folder)
        # A kill after the result got its name left the parts. The name itself may not be on the
        # disk yet, and until it is, the parts are all that a power cut would leave.
        sync_folder(folder)
        parts.remove()
        say(f"{folder} holds this evaluation already")
        return True
    with _claimed(folder, parts, about):
        if _score_rest(subject, folder, parts) < listed:
            say("stopped: the same command goes on from there")
            return False
        if is_first():
            videos = write_predictions(folder, subject, parts)
            result = about | results.summary(subject, videos)
            write_report(folder, subject, result, videos)
            results.write_result(folder, result)
            # Last: all three files are on the disk by now, and nothing needs the parts any more.
            parts.remove()
    return True


@contextmanager
def _claimed(folder: Path, parts: Parts, about: dict[str, Any]) -> Iterator[None]:
    """Makes the folder this evaluation's. Errors: ValueError when another process is at it."""
    with ExitStack() as held:
        if is_first():
            told = f"another process is evaluating into {folder}: stop it, or give another --output"
            held.enter_context(only_writer(parts.folder, told))
            results.claim(folder, about)
        yield


def _score_rest(subject: Subject, folder: Path, parts: Parts) -> int:
    """Scores the videos after those of the parts; up to which it came."""
    config, listed = subject.config, len(subject.source)
    at, unreadable = _done(parts)
    if at == listed:
        return at
    if at:
        say(f"going on from video {at} of {listed}")
    heartbeat = Heartbeat(
        folder / "heartbeats",
        process=jax.process_index(),
        processes=jax.process_count(),
        limit=config.train.hang_limit,
    )
    batches = view_batches(config, subject.source, first=at)
    with heartbeat, stop_requests(folder) as stop, heartbeat.ending(), closing(batches):
        predict = _predictor(subject)

        def beating(batch: Batch) -> Rows:
            heartbeat.beat(at, VALIDATING)
            return predict(batch)

        with progress_bar(at, listed, "video") as bar:
            for rows in score(beating, batches, stop=stop):
                unreadable += len(rows["bad"])
                _check_readable(subject, rows["bad"], unreadable)
                first, at = at, at + len(rows["index"]) + len(rows["bad"])
                if is_first():
                    parts.write(first, at, rows)
                heartbeat.beat(at, LOADING)
                bar.update(at - first)
    return at


def _done(parts: Parts) -> tuple[int, int]:
    """The first video that is not done, and how many before it were bad, as process 0 sees it."""
    found = np.zeros(2, np.int32)
    if is_first():
        bad = [len(rows["bad"]) for _, rows in parts.read(["bad"])]
        found[:] = parts.end(), sum(bad)
    at, unreadable = multihost_utils.broadcast_one_to_all(found).tolist()
    return at, unreadable


def _predictor(subject: Subject) -> Callable[[Batch], Rows]:
    config, recognizer = subject.config, subject.recognizer
    mesh = make_mesh()
    text = recognizer.class_features if config.model.head == "text" else None
    variables, text = put_state(mesh, (recognizer.variables, text))
    predict = ViewPredictor(config.model, mesh, clips=config.evaluation.batch)
    return functools.partial(predict, variables, text)


def _check_readable(subject: Subject, bad: np.ndarray, unreadable: int) -> None:
    """Errors: RuntimeError when more videos than allowed turned out to be bad, some of them now."""
    listed, allowed = len(subject.source), subject.config.data.max_bad_fraction
    if not len(bad) or not too_many_bad(unreadable, listed, allowed):
        return
    shown = "\n  ".join(
        f"{subject.source.name(index)}: {Reason(reason).sentence}"
        for index, reason in bad[:5].tolist()
    )
    raise RuntimeError(
        f"{unreadable} of {listed} videos cannot be read so far, more than "
        f"data.max_bad_fraction={allowed:g} of them, such as\n  {shown}\nRepair the files or "
        "data.root and give a new --output, or raise the fraction: the same command then goes on"
    )

"""Answers for a camera or a stream, window after window, until it ends or Ctrl-C."""

import argparse
import math
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TextIO

import numpy as np

from ila_jax.answers import answers
from ila_jax.data.clips.live_windows import LiveWindow, LiveWindows
from ila_jax.data.video.live import live_pictures
from ila_jax.data.video.live_source import LiveSource
from ila_jax.files.counts import count_of
from ila_jax.files.json_files import json_text
from ila_jax.predict.live_options import live_lengths
from ila_jax.predictions import Span
from ila_jax.recognizer import Recognizer

_RECENT = 10  # answers that the rates of a line are taken over


@dataclass(frozen=True)
class LiveAnswer:
    """What a model says of a window of a live stream; its fields are those of a line of JSON.

    span: times are in seconds from the first frame. captured: when the window's last frame was, as
    ISO 8601 in UTC. latency: seconds from then to the answer. answers_per_second,
    frames_per_second: over the last answers. skipped: windows so far that waited for the model
    until a newer one came, without those that are left out because the stream paused.
    short: whether the window has fewer frames than the model takes.
    """

    source: str
    span: Span
    captured: str
    latency: float
    answers_per_second: float
    frames_per_second: float
    skipped: int
    short: bool

    def json(self) -> str:
        """The answer as a line of JSON."""
        values = asdict(self)
        return json_text({"source": values.pop("source"), **values.pop("span"), **values})

    def text(self) -> str:
        """The answer as a line for a terminal."""
        start, end, name, share, then = answers.span_row(self.span)
        rates = f"{self.answers_per_second:.1f} answers/s, {self.frames_per_second:.1f} frames/s"
        best = f"{name} {share}  {then}".rstrip()
        return (
            f"{start:>8}  {end:>8}  {self.latency:5.2f} s late  {best}  "
            f"({rates}, {self.skipped} skipped)"
        )


class Tally:
    """Counts over a run of any length: rates of late, and of latencies the mean and the most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: the time of this machine, in seconds."""
        self._clock = clock
        self._begun = clock()
        self._recent = deque([(self._begun, 0)], maxlen=_RECENT + 1)
        self.answers, self.latency_sum, self.latency_most = 0, 0.0, 0.0

    def add(self, captured: float, frames: int) -> tuple[float, float, float]:
        """Counts an answer that is there now: its latency, and answers and frames a second.

        captured: when the last frame of its window was. frames: that have come up to now.
        """
        now = self._clock()
        latency = now - captured
        self.answers += 1
        self.latency_sum += latency
        self.latency_most = max(self.latency_most, latency)
        self._recent.append((now, frames))
        then, frames_then = self._recent[0]
        # Two answers at the same reading of the clock give no rate.
        seconds = (now - then) or math.inf
        return latency, (len(self._recent) - 1) / seconds, (frames - frames_then) / seconds

    def summary(self, windows: LiveWindows) -> str:
        """All of it in a sentence."""
        seconds = self._clock() - self._begun
        each = max(self.answers, 1)
        return (
            f"watched for {answers.clock(seconds)}: "
            f"{count_of(self.answers, 'answer', 'answers')}, "
            f"{count_of(windows.pictures, 'frame', 'frames')}, "
            f"{count_of(windows.skipped, 'window', 'windows')} skipped, "
            f"{count_of(windows.reconnections, 'reconnection', 'reconnections')}; latency "
            f"{self.latency_sum / each:.2f} s on average, {self.latency_most:.2f} s at most"
        )


def watch(
    model: Recognizer, source: LiveSource, options: argparse.Namespace, lines: TextIO | None
) -> None:
    """Prints an answer for each window, and at the end, also after Ctrl-C, a summary on stderr.

    lines: where each answer is written as JSON, or None. Errors: LiveProblem, see `LiveWindows`.
    """
    seconds, stride = live_lengths(options)
    # Compiled before the first window, which would otherwise be late by the time this takes.
    model.probabilities(np.zeros(model.views.shape, np.uint8))
    connect = partial(live_pictures, source, model.views.shrink)
    windows, tally = LiveWindows(connect, seconds=seconds, stride=stride), Tally()
    about = f"watching {source.name}: {seconds:g} s every {stride:g} s; Ctrl-C ends it"
    print(about, file=sys.stderr, flush=True)
    try:
        for window in windows:
            answer = _answer(model, source, window, windows, tally, options)
            # First, so that whatever was printed is in the file as well.
            if lines is not None:
                lines.write(answer.json())
                lines.flush()
            print(answer.text(), flush=True)
    finally:
        print(tally.summary(windows), file=sys.stderr)
        if windows.skipped:
            print(_advice(model), file=sys.stderr)


def _advice(model: Recognizer) -> str:
    """What to do where windows are skipped."""
    looks = model.views.clips * model.views.crops
    fewer = f"; --clips 1 --crops 1 looks once in place of {looks} times" if looks > 1 else ""
    return f"windows were skipped: the model takes longer than --stride{fewer}"


def _answer(
    model: Recognizer,
    source: LiveSource,
    window: LiveWindow,
    windows: LiveWindows,
    tally: Tally,
    options: argparse.Namespace,
) -> LiveAnswer:
    shares = model.mean_probabilities(window.views(model.views))
    best = model.best(shares, options.top_k, threshold=options.threshold)
    latency, answer_rate, frame_rate = tally.add(window.captured, windows.pictures)
    captured = datetime.now(UTC) - timedelta(seconds=latency)
    return LiveAnswer(
        source=source.name,
        span=Span(window.start, window.end, best),
        captured=captured.isoformat(timespec="milliseconds"),
        latency=latency,
        answers_per_second=answer_rate,
        frames_per_second=frame_rate,
        skipped=windows.skipped,
        short=len(window.pictures) < model.config.frames,
    )

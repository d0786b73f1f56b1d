"""Answers for the videos of a list, one after the other, with the model that was asked for."""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ila_jax.answers.answers import Answer, Span
from ila_jax.answers.timeline import timeline
from ila_jax.data.class_names.classes import chosen_classes
from ila_jax.data.clips.ahead import work_ahead
from ila_jax.data.clips.reading import TooSlow, VideoReader
from ila_jax.data.clips.windows import Windows
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import BadVideo
from ila_jax.files.printable import printable
from ila_jax.recognizer import Prediction, Recognizer
from ila_jax.text import templates
from ila_jax.weights.folder import load

# Seconds for reading and decoding a video. A decoder may hang for ever on a damaged file.
_TIME_LIMIT = 600.0
# Classes that are named where nothing else is asked for.
_TOP_K = 5


def open_model(options: argparse.Namespace) -> Recognizer:
    """The model with the classes, templates and views that were asked for. Errors: ValueError."""
    model = load(options.checkpoint)
    if options.classes is not None:
        model = model.with_classes(chosen_classes(options.classes))
    if options.template is not None:
        model = model.with_templates(templates.chosen(options.template))
    if options.clips is not None or options.crops is not None:
        model = model.with_views(
            clips=model.views.clips if options.clips is None else options.clips,
            crops=model.views.crops if options.crops is None else options.crops,
        )
    # Here, not with the first video: by then many may have been read.
    model.check_named()
    return model.for_inference()


def answer_videos(
    model: Recognizer, paths: Sequence[str], options: argparse.Namespace
) -> Iterator[Answer]:
    """The answer to each video, in their order."""
    if options.window is not None:
        return (_long(model, path, options) for path in paths)
    return _short(model, paths, options)


def _short(
    model: Recognizer, paths: Sequence[str], options: argparse.Namespace
) -> Iterator[Answer]:
    """Answers for each video as a whole, while so many threads read the next ones.

    A video that cannot be read has its problem for an answer.
    """
    read = VideoReader(ListSource([LabelledFile(path, 0) for path in paths]), _TIME_LIMIT)
    make_views = partial(read, convert=partial(model.views, video=0))
    # disable=None: none where stderr is no terminal, but a file or a pipe.
    with tqdm(total=len(paths), disable=None) as bar:
        readings = work_ahead(make_views, range(len(paths)), threads=options.threads)
        for path, reading in zip(paths, readings, strict=True):
            try:
                views, short = reading.result()
            except BadVideo as error:
                yield Answer(path, problem=str(error))
            except TooSlow as error:
                yield Answer(path, problem=f"It was not read and decoded in {error.seconds:g} s.")
            else:
                shares = model.probabilities(views).mean(axis=0, dtype=np.float64)
                yield Answer(path, _named(model, shares, options), short=short)
            bar.set_postfix_str(path, refresh=False)
            bar.update()


def _long(model: Recognizer, path: str, options: argparse.Namespace) -> Answer:
    """The answer for a video by its windows, and for all of it their mean.

    Its views are decoded window by window, so that memory does not grow with its length.
    """
    try:
        windows = Windows(path, seconds=options.window, stride=options.stride)
    except ValueError as error:
        return Answer(path, problem=str(error))
    moments = timeline(model, windows)
    # The mean over windows, each counting the same, is the answer for the whole video.
    spans, total = list[Span](), np.zeros(len(model.check_named()))
    try:
        for moment in tqdm(moments, printable(path), len(windows), unit=" windows", disable=None):
            best = _named(model, moment.probabilities, options)
            spans.append(Span(moment.start, moment.end, best))
            total += moment.probabilities
    except BadVideo as error:
        return Answer(path, problem=str(error))
    # A video's last window is often shorter than the others.
    short = any(window.count < model.config.frames for window in windows)
    return Answer(path, _named(model, total / len(windows), options), spans, short)


def _named(
    model: Recognizer, probabilities: NDArray[Any], options: argparse.Namespace
) -> list[Prediction]:
    """The classes that were asked for, best first: so many, or all that reach the threshold."""
    # With a threshold, as many as reach it: of a clip that shows seven things, five are too few.
    usual = _TOP_K if options.threshold is None else len(probabilities)
    best = model.best(probabilities, usual if options.top_k is None else options.top_k)
    return [item for item in best if item.probability >= (options.threshold or 0)]

"""Answers for the videos of a list, one after the other, with the model that was asked for."""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from tqdm import tqdm

from ila_jax.answers.loading import load_with_classes
from ila_jax.answers.timeline import timeline
from ila_jax.data.clips.windows import Windows
from ila_jax.data.video.bad import BadVideo
from ila_jax.files.printable import printable
from ila_jax.predictions import Answer, Span
from ila_jax.recognizer import Recognizer
from ila_jax.text import templates


def open_model(options: argparse.Namespace) -> Recognizer:
    """The model with the classes, templates and views that were asked for. Errors: ValueError."""
    model = load_with_classes(options.checkpoint, options.classes)
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
    """Answers for each video as a whole, while so many threads read the next ones."""
    answers = model.predict_batch(
        paths, options.top_k, threshold=options.threshold, threads=options.threads
    )
    # disable=None: none where stderr is no terminal, but a file or a pipe.
    with tqdm(total=len(paths), disable=None) as bar:
        for answer in answers:
            yield answer
            bar.set_postfix_str(answer.video, refresh=False)
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
    best_of = partial(model.best, top_k=options.top_k, threshold=options.threshold)
    # The mean over windows, each counting the same, is the answer for the whole video.
    spans, total = list[Span](), np.zeros(len(model.check_named()))
    try:
        for moment in tqdm(moments, printable(path), len(windows), unit=" windows", disable=None):
            best = best_of(moment.probabilities)
            spans.append(Span(moment.start, moment.end, best))
            total += moment.probabilities
    except BadVideo as error:
        return Answer(path, problem=str(error))
    # A video's last window is often shorter than the others.
    short = any(window.count < model.config.frames for window in windows)
    return Answer(path, best_of(total / len(windows)), spans, short)

"""python -m ila_jax.predict: what a model sees in any video."""

import argparse
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from ila_jax import cli
from ila_jax.answers import answers
from ila_jax.answers.answers import Answer, Span
from ila_jax.answers.timeline import timeline
from ila_jax.data.class_names.classes import chosen_classes
from ila_jax.data.clips.reading import TooSlow, VideoReader
from ila_jax.data.clips.windows import Windows, check_lengths
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.finding import find_videos
from ila_jax.data.sources.source import ListSource
from ila_jax.data.sources.video_files import tell
from ila_jax.data.video.bad import BadVideo
from ila_jax.files.printable import printable
from ila_jax.files.writable import check_file
from ila_jax.recognizer import Recognizer
from ila_jax.text import templates
from ila_jax.weights.folder import load

_TIME_LIMIT = 600.0  # seconds for reading and decoding a video; a decoder may hang for ever
_THREADS = 2  # that read videos ahead, while the model looks at others

_HELP = """\
Names the action in videos: the most probable classes of each, with their probabilities. A video is
looked at as the run's evaluation did (of converted weights: 4 clips x 3 crops, the paper's test).
A file that cannot be read is named with the reason, the others are still predicted; the exit code
is then 1.

  some files, a folder and all below it, a pattern:
    python -m ila_jax.predict runs/quickstart a.mp4 videos/ 'more/**/*.webm'
  into files, for a spreadsheet or a program:
    python -m ila_jax.predict runs/quickstart videos/ --csv found.csv --json found.json
  a long video, every 10 seconds of it (or every 5, overlapping: --stride 5):
    python -m ila_jax.predict weights/ila day.mp4 --window 10
  classes of your own, for a model with a text head:
    python -m ila_jax.predict weights/ila a.mp4 --classes 'clapping hands,waving,doing nothing'
  with CLIP's own weights, converted without --config: plain CLIP, of any classes
    python -m ila_jax.predict weights/clip a.mp4 --classes names.txt --template 'a video of {}.'
  faster, one look at the middle of the picture in place of twelve:
    python -m ila_jax.predict weights/ila videos/ --clips 1 --crops 1
"""


def main(arguments: Sequence[str] | None = None) -> int:
    return cli.run(lambda: _predict(arguments))


def _predict(arguments: Sequence[str] | None) -> None:
    known = _parser().parse_args(arguments)
    _check(known)
    found_videos = find_videos(known.videos)
    paths, problems = found_videos.paths, found_videos.problems
    tell(found_videos.notes)
    for problem in problems:
        _complain(problem)
    if not paths:
        raise ValueError("there is no video to look at")
    _check_written(known, paths)
    model = _model(known)
    found = list[Answer]()
    try:
        for answer in _answers(model, paths, known):
            found.append(answer)
            if answer.problem is None:
                tqdm.write(f"{answers.text(answer)}\n")
            else:
                _complain(f"{answer.video}: {answer.problem}")
    finally:  # also of Ctrl-C: what is found is found
        _write(found, model, known)
    told = []
    if bad := sum(answer.problem is not None for answer in found):
        told.append(f"{bad} of {len(paths)} videos could not be read")
    if problems:
        told.append(f"{len(problems)} of {len(known.videos)} places hold no video")
    if told:
        raise RuntimeError(", and ".join(told))


def _check(known: argparse.Namespace) -> None:
    """Before anything is loaded. Errors: ValueError, OSError."""
    if known.top_k < 1:
        raise ValueError(f"--top-k is {known.top_k}: expected 1 or more classes to name")
    if known.stride is not None and known.window is None:
        raise ValueError("--stride goes with --window, the length of the windows")
    if known.window is not None:
        check_lengths(known.window, known.stride)


def _check_written(known: argparse.Namespace, videos: Sequence[str]) -> None:
    """Also makes the folders of what is to be written. Errors: ValueError, OSError."""
    written = [path for path in (known.json, known.csv) if path is not None]
    if len({path.resolve() for path in written}) < len(written):
        raise ValueError(f"--json and --csv are both {known.json}: name two files")
    for path in written:
        check_file(path)
        if path.exists() and any(os.path.exists(v) and path.samefile(v) for v in videos):
            raise ValueError(f"{path} is one of the videos: name another file to write")
        path.parent.mkdir(parents=True, exist_ok=True)


def _model(known: argparse.Namespace) -> Recognizer:
    model = load(known.checkpoint)
    if known.classes is not None:
        model = model.with_classes(chosen_classes(known.classes))
    if known.template is not None:
        model = model.with_templates(templates.chosen(known.template))
    if known.clips is not None or known.crops is not None:
        model = model.with_views(
            clips=model.views.clips if known.clips is None else known.clips,
            crops=model.views.crops if known.crops is None else known.crops,
        )
    model.check_named()
    return model


def _answers(
    model: Recognizer, paths: Sequence[str], known: argparse.Namespace
) -> Iterator[Answer]:
    if known.window is not None:
        return (_long(model, path, known) for path in paths)
    return _short(model, paths, known.top_k)


def _short(model: Recognizer, paths: Sequence[str], top_k: int) -> Iterator[Answer]:
    """Each video as a whole, the next ones being read meanwhile."""
    read = VideoReader(ListSource([LabelledFile(path, 0) for path in paths]), _TIME_LIMIT)
    look = partial(read, convert=partial(model.views, video=0))
    with cli.progress(len(paths)) as done:
        for path, looked in zip(paths, _ahead(look, range(len(paths))), strict=True):
            try:
                views, short = looked.result()
            except BadVideo as error:
                yield Answer(path, problem=str(error))
            except TooSlow as error:
                yield Answer(path, problem=f"It was not read and decoded in {error.seconds:g} s.")
            else:
                shares = model.probabilities(views).mean(axis=0, dtype=np.float64)
                yield Answer(path, model.best(shares, top_k), short=short)
            done(path)


def _ahead(work: Any, items: Iterable[int]) -> Iterator[Future]:
    """Work on items in order, on a few of them before they are asked for."""
    pool = ThreadPoolExecutor(_THREADS)
    begun = deque[Future]()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > _THREADS:
                yield begun.popleft()
        yield from begun
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _long(model: Recognizer, path: str, known: argparse.Namespace) -> Answer:
    """A video by its windows."""
    try:
        windows = Windows(path, seconds=known.window, stride=known.stride)
    except ValueError as error:
        return Answer(path, problem=str(error))
    moments = timeline(model, windows)
    spans, total = list[Span](), np.zeros(len(model.check_named()))
    try:
        for moment in tqdm(moments, printable(path), len(windows), unit=" windows", disable=None):
            best = model.best(moment.probabilities, known.top_k)
            spans.append(Span(moment.start, moment.end, best))
            total += moment.probabilities
    except BadVideo as error:
        return Answer(path, problem=str(error))
    short = any(window.count < model.config.frames for window in windows)
    return Answer(path, model.best(total / len(windows), known.top_k), spans, short)


def _write(found: Sequence[Answer], model: Recognizer, known: argparse.Namespace) -> None:
    views = model.views
    if known.json is not None:
        about = {
            "checkpoint": known.checkpoint,
            "clips": views.clips,
            "crops": views.crops,
            "window": known.window,
            "stride": known.stride if known.stride is not None else known.window,
        }
        answers.write_json(known.json, found, about)
    if known.csv is not None:
        answers.write_csv(known.csv, found)


def _complain(problem: str) -> None:
    tqdm.write(printable(problem), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.predict",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add("videos", nargs="+", metavar="VIDEO", help="files, folders, or patterns in quotes")
    add("--top-k", type=int, default=5, metavar="K", help="classes to name (default: 5)")
    add(
        "--classes",
        metavar="A,B,C",
        help="what to choose from, or a file with a name a line. Any classes for a text head; a "
        "linear head takes them only where the checkpoint does not name its own",
    )
    templates.add_argument(parser)
    add("--window", type=float, metavar="SECONDS", help="name what is in each window of a video")
    add("--stride", type=float, metavar="SECONDS", help="between windows (default: no overlap)")
    add("--clips", type=int, metavar="N", help="looks over the time of a video or window")
    add("--crops", type=int, metavar="N", help="looks over the width of the picture")
    add("--json", type=cli.some_path, metavar="FILE", help="write all answers there")
    add(
        "--csv",
        type=cli.some_path,
        metavar="FILE",
        help="write a row for each class of each video there",
    )
    return parser


if __name__ == "__main__":
    cli.leave(main())

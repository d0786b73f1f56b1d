"""python -m ila_jax.predict: what a model sees in any video."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tqdm import tqdm

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.data.class_names.classes import add_classes
from ila_jax.data.clips.ahead import default_threads
from ila_jax.data.sources.finding import find_videos
from ila_jax.data.sources.video_files import tell
from ila_jax.files.printable import printable
from ila_jax.files.writable import check_file
from ila_jax.text import templates

if TYPE_CHECKING:
    from ila_jax.data.video.live_source import LiveSource
    from ila_jax.predictions import Answer
    from ila_jax.recognizer import Recognizer

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
  of a model whose classes do not exclude each other, all that are there with 50 % or more:
    python -m ila_jax.predict runs/each videos/ --threshold 0.5
  faster, one look at the middle of the picture in place of twelve:
    python -m ila_jax.predict weights/ila videos/ --clips 1 --crops 1
  a camera of this machine, or a stream (rtsp, rtsps, http, https, udp), until Ctrl-C:
    python -m ila_jax.predict runs/quickstart --camera 0
    python -m ila_jax.predict runs/quickstart rtsp://USER:PASSWORD@HOST/PATH --json answers.jsonl
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _predict(arguments))


def _predict(arguments: Sequence[str] | None) -> None:
    """Names the classes of videos. Errors: RuntimeError, at the end, where some had none."""
    # Intermixed: videos may stand behind options also where there need be none.
    options = _parser().parse_intermixed_args(arguments)
    # After the arguments are known: what reads videos takes a moment to import.
    from ila_jax.predict.live_options import live_source

    source = live_source(options)
    _check(options, live=source is not None)
    if source is not None:
        _watch(source, options)
        return
    found_videos = find_videos(options.videos)
    paths, problems = found_videos.paths, found_videos.problems
    tell(found_videos.notes)
    # Named before the answers, which may take hours to come.
    for problem in problems:
        _complain(problem)
    if not paths:
        raise ValueError("there is no video to look at")
    # Before the model is loaded: a file that cannot be written is said at once, not after hours.
    _check_written(options, paths)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.answers import answers
    from ila_jax.predict.answering import answer_videos, open_model

    use_compilation_cache(no_cache=options.no_cache)
    model = open_model(options)
    written: list[Answer] = []
    try:
        for answer in answer_videos(model, paths, options):
            written.append(answer)
            if answer.problem is None:
                tqdm.write(f"{answers.text(answer)}\n")
            else:
                _complain(f"{answer.video}: {answer.problem}")
    # Also after Ctrl-C: the answers so far are worth keeping.
    finally:
        _write(written, model, options)
    failures = []
    if bad := sum(answer.problem is not None for answer in written):
        failures.append(f"{bad} of {len(paths)} videos could not be read")
    if problems:
        failures.append(f"{len(problems)} of {len(options.videos)} places hold no video")
    # All readable videos have been answered by now: the error is for the exit status.
    if failures:
        raise RuntimeError(", and ".join(failures))


def _watch(source: "LiveSource", options: argparse.Namespace) -> None:
    """Names what a camera or a stream shows, until it ends. Errors: LiveProblem, OSError."""
    with ExitStack() as stack:
        lines = None
        # Before the model is loaded. Lines are added, so that no answer of before is lost.
        if options.json is not None:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            lines = stack.enter_context(options.json.open("a", encoding="utf-8"))
        # After the arguments are known to be right: loading jax takes a second.
        from ila_jax.predict.answering import open_model
        from ila_jax.predict.watching import watch

        use_compilation_cache(no_cache=options.no_cache)
        watch(open_model(options), source, options, lines)


def _check(options: argparse.Namespace, *, live: bool) -> None:
    """Checks numbers before anything is loaded. Errors: ValueError.

    live: whether a camera or a stream is watched, where windows have a length by default.
    """
    if not (live or options.videos):
        raise ValueError("name videos, or a stream such as rtsp://HOST/PATH, or --camera 0")
    if options.top_k is not None and options.top_k < 1:
        raise ValueError(f"--top-k is {options.top_k}: expected 1 or more classes to name")
    if options.threads < 1:
        raise ValueError(f"--threads is {options.threads}: expected 1 or more")
    if options.threshold is not None and not 0 < options.threshold <= 1:
        raise ValueError(
            f"--threshold is {options.threshold:g}: expected a probability above 0, up to 1"
        )
    if options.stride is not None and options.window is None and not live:
        raise ValueError("--stride goes with --window, the length of the windows")
    if options.window is not None:
        from ila_jax.data.clips.windows import check_lengths

        check_lengths(options.window, options.stride)


def _check_written(options: argparse.Namespace, videos: Sequence[str]) -> None:
    """Checks that files can be written, and makes their folders. Errors: ValueError, OSError."""
    written = [path for path in (options.json, options.csv) if path is not None]
    if len({path.resolve() for path in written}) < len(written):
        raise ValueError(f"--json and --csv are both {options.json}: name two files")
    for path in written:
        check_file(path)
        if path.exists() and any(os.path.exists(v) and path.samefile(v) for v in videos):
            raise ValueError(f"{path} is one of the videos: name another file to write")
        path.parent.mkdir(parents=True, exist_ok=True)


def _write(answered: "Sequence[Answer]", model: "Recognizer", options: argparse.Namespace) -> None:
    """Writes the answers into the files that were asked for."""
    from ila_jax.answers import answers

    views = model.views
    if options.json is not None:
        about = {
            "checkpoint": options.checkpoint,
            "clips": views.clips,
            "crops": views.crops,
            "threshold": options.threshold,
            "temperature": model.temperature,
            "window": options.window,
            "stride": options.stride if options.stride is not None else options.window,
        }
        answers.write_json(options.json, answered, about)
    if options.csv is not None:
        answers.write_csv(options.csv, answered)


def _complain(problem: str) -> None:
    """Prints a line on stderr, by tqdm, which draws its bar again below the line."""
    tqdm.write(printable(problem), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("predict", _HELP)
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add(
        "videos",
        nargs="*",
        metavar="VIDEO",
        help="files, folders, or patterns in quotes; or the address of one stream",
    )
    add("--camera", type=int, metavar="N", help="watch camera N of this machine, from 0")
    add(
        "--top-k",
        type=int,
        metavar="K",
        help="classes to name at most (default: 5; with --threshold all)",
    )
    add(
        "--threshold",
        type=float,
        metavar="P",
        help="name classes of at least this probability alone, such as 0.5; there may be none",
    )
    add_classes(parser)
    templates.add_argument(parser)
    add(
        "--window",
        type=float,
        metavar="SECONDS",
        help="name what is in each window of a video (of a stream or camera: 2)",
    )
    add(
        "--stride",
        type=float,
        metavar="SECONDS",
        help="between windows (default: no overlap; of a stream or camera half a window)",
    )
    add("--clips", type=int, metavar="N", help="looks over the time of a video or window")
    add("--crops", type=int, metavar="N", help="looks over the width of the picture")
    add(
        "--json",
        type=cli.some_path,
        metavar="FILE",
        help="write all answers there; of a stream or camera, add a line for each",
    )
    add(
        "--csv",
        type=cli.some_path,
        metavar="FILE",
        help="write a row for each class of each video there",
    )
    add(
        "--threads",
        type=int,
        default=default_threads(),
        metavar="N",
        help="that read videos while the model looks at others; memory holds N + 1 videos, as the "
        "model sees them (default: all cores, at most 8)",
    )
    cli.add_no_cache(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

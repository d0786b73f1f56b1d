"""python -m ila_jax.timeline: what a model names when in a video, as a picture."""

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.data.class_names.classes import add_classes
from ila_jax.files.writable import check_file

if TYPE_CHECKING:
    import numpy as np

    from ila_jax.answers.timeline import Moment
    from ila_jax.data.clips.views import Views
    from ila_jax.pictures.timeline_figure import Course
    from ila_jax.recognizer import Recognizer

_HELP = """\
Draws what a model names when in a video: a row of its frames, and below it the probabilities of the
classes, window by window. The same as numbers: python -m ila_jax.predict --window.

  every two seconds of a video:
    python -m ila_jax.timeline runs/quickstart video.mp4 --window 2 --output timeline.png
  finer, with windows that overlap:
    python -m ila_jax.timeline runs/quickstart video.mp4 --window 2 --stride 0.5 --output fine.svg
  and below it what the model names when each window is played backwards, which shows whether it
  sees how things move:
    python -m ila_jax.timeline runs/quickstart video.mp4 --window 2 --backwards --output both.png

A window that reaches over a cut shows two things, and what is named of it need be neither. Classes
are drawn that are the most probable ones of a window.
"""
# In a row above the probabilities, and pixels along a side of each.
_FRAMES, _SIDE = 12, 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _timeline(_parser().parse_args(arguments)))


def _timeline(options: argparse.Namespace) -> None:
    """Draws the timeline of a video. Errors: ValueError, OSError."""
    _check(options)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.pictures import timeline_figure

    timeline_figure.require_matplotlib()
    use_compilation_cache(no_cache=options.no_cache)
    model = _model(options)
    courses = _courses(model, options)
    end = next(iter(courses.values())).ends[-1]
    frames = _frames(model.views, options, float(end) / _FRAMES)
    timeline_figure.draw(frames, courses, model.check_named(), options.output)
    print(options.output)


def _check(options: argparse.Namespace) -> None:
    """Checks the arguments before anything is loaded. Errors: ValueError, OSError."""
    from ila_jax.data.clips.windows import check_lengths
    from ila_jax.pictures.timeline_figure import SUFFIXES

    check_lengths(options.window, options.stride)
    if not options.video.is_file():
        raise ValueError(f"there is no video {options.video}")
    output = options.output
    if output.suffix not in SUFFIXES:
        raise ValueError(f"--output {output}: expected a name that ends in {', '.join(SUFFIXES)}")
    check_file(output)
    # The video is read before the output is written, and would be gone.
    if output.exists() and output.samefile(options.video):
        raise ValueError(f"--output {output} is the video itself: name another file")
    output.parent.mkdir(parents=True, exist_ok=True)


def _model(options: argparse.Namespace) -> "Recognizer":
    """The model with the classes that were asked for. Errors: ValueError."""
    from ila_jax.answers.loading import load_with_classes

    model = load_with_classes(options.checkpoint, options.classes)
    model.check_named()
    return model.for_inference()


def _courses(model: "Recognizer", options: argparse.Namespace) -> "dict[str, Course]":
    """What the model names in each window, by how the window is played."""
    from tqdm import tqdm

    from ila_jax.answers.timeline import both_ways, timeline
    from ila_jax.data.clips.windows import Windows

    windows = Windows(options.video, seconds=options.window, stride=options.stride)
    if max(window.end for window in windows) <= 0:
        raise ValueError(f"{options.video} has a single frame, and no course of time to draw")
    bar = {"total": len(windows), "unit": " windows", "disable": None}
    if not options.backwards:
        return {"probability": _course(list(tqdm(timeline(model, windows), **bar)))}
    forwards, backwards = zip(*tqdm(both_ways(model, windows), **bar), strict=True)
    return {"played forwards": _course(forwards), "played backwards": _course(backwards)}


def _course(moments: "Sequence[Moment]") -> "Course":
    import numpy as np

    from ila_jax.pictures.timeline_figure import Course

    return Course(
        starts=np.array([moment.start for moment in moments]),
        ends=np.array([moment.end for moment in moments]),
        probabilities=np.stack([moment.probabilities for moment in moments]),
    )


def _frames(views: "Views", options: argparse.Namespace, seconds: float) -> "np.ndarray":
    """A frame out of every so many seconds, the middle of the picture: uint8 [n, side, side, 3]."""
    import numpy as np

    from ila_jax.data.clips.windows import Windows

    # As a clip of one frame, so that this file, too, is read as a stream. The second of three crops
    # is the middle with the whole of its short side.
    recipe = dataclasses.replace(views.recipe, frames=1, size=_SIDE, sampling="segments")
    one = dataclasses.replace(views, recipe=recipe, clips=1, crops=3, sampling="fixed")
    pictures = Windows(options.video, seconds=seconds).with_views(one)
    return np.stack([crops[1, 0] for _, crops in pictures])


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("timeline", _HELP)
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add("video", type=cli.some_path, metavar="VIDEO", help="a video file")
    add("--output", type=cli.some_path, required=True, metavar="FILE", help=".png, .svg or .pdf")
    add("--window", type=float, required=True, metavar="SECONDS", help="that are named together")
    add("--stride", type=float, metavar="SECONDS", help="between windows (default: no overlap)")
    add("--backwards", action="store_true", help="name each window played backwards as well")
    add_classes(parser)
    cli.add_no_cache(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

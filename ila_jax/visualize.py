"""python -m ila_jax.visualize: what models look at in a video, as pictures."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.files.writable import check_file, check_writable

if TYPE_CHECKING:
    from ila_jax.pictures import album
    from ila_jax.pictures.kinds import ModelView

_HELP = """\
Draws what trained models look at in a video: for every block the interactive points and masks of
ILA, the attention of the class token, and the norm of the patches' tokens, over the frames that the
models take of it. docs/how-to/pictures.md says what such pictures can tell.

  every kind of picture, a PNG each, and all of them as clip.gif and clip.mp4:
    python -m ila_jax.visualize runs/quickstart video.mp4 --output pictures
  models side by side, as in the supplement's Figures 1 and 2: raw frames, then a row for each:
    python -m ila_jax.visualize runs/divided,runs/ata,runs/ila video.mp4 \\
        --show heat_middle,heat_last --output figure.png
  points and masks, playing:
    python -m ila_jax.visualize runs/quickstart video.mp4 --show alignment --output points.gif

The kinds of pictures:
  heat_middle  the L2 norm of every patch's token after half of the blocks, a row for each model
  heat_last    the same after the last block
  attention    what the class token gives every patch, the mean over heads, a row for each block
  alignment    each frame as bright as its patches' weights, with the points; ILA only
  pairs        both frames of each pair, with the masks and points of that pair alone; ILA only

CHECKPOINT is the folder of a run (its best checkpoint; DIR@latest, DIR@STEP), a folder of weights,
or hf://owner/name.
"""
# The least and the most pixels that a frame may have in the pictures.
_SIDES = (32, 1024)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _visualize(_parser().parse_args(arguments)))


def _visualize(options: argparse.Namespace) -> None:
    # After the arguments are parsed, whose help needs none of it.
    from ila_jax.pictures import album
    from ila_jax.pictures.kinds import KINDS

    names = [name.strip() for name in options.checkpoints.split(",")]
    kinds = cli.chosen("--show", options.show, KINDS, default=list(KINDS))
    _check(options, names)
    for path in album.write(_album(_models(names, options), kinds, options), options.output):
        print(path)


def _check(options: argparse.Namespace, names: list[str]) -> None:
    """Checks the arguments before anything is loaded. Errors: ValueError, OSError."""
    from ila_jax.pictures import album

    if not all(names):
        raise ValueError(f"{options.checkpoints!r}: expected checkpoints with a comma between two")
    if not options.video.is_file():
        raise ValueError(f"there is no video {options.video}")
    low, high = _SIDES
    if not low <= options.side <= high:
        raise ValueError(f"--side is {options.side}: expected {low} to {high} pixels")
    output = options.output
    # The video is read before the output is written, and would be gone.
    if output.is_file() and output.samefile(options.video):
        raise ValueError(f"--output {output} is the video itself: name another file")
    if output.suffix not in ("", *album.FILES) and not output.is_dir():
        raise ValueError(
            f"--output {output}: expected a folder, or a name in {', '.join(album.FILES)}"
        )
    if not output.suffix and output.exists() and not output.is_dir():
        raise ValueError(f"--output {output} is a file: expected a folder, or a name of its own")
    if output.suffix and not output.is_dir() and not output.absolute().parent.is_dir():
        raise ValueError(f"--output {output}: there is no folder {output.absolute().parent}")
    if output.suffix and not output.is_dir():
        check_file(output)
    else:
        check_writable(output)


def _models(names: list[str], options: argparse.Namespace) -> "list[ModelView]":
    """Loads every model, and runs it on the video's clip. Errors: ValueError, OSError."""
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.pictures.model_view import check_frames, show, titles
    from ila_jax.weights.folder import load

    # All are loaded before the first one runs: what is wrong with the last is said early.
    with cli.progress(2 * len(names)) as step:
        recognizers = []
        for name in names:
            recognizers.append(load(name))
            step(f"loaded {name}")
        check_frames(names, recognizers)
        models = []
        for title, recognizer in zip(titles(names, recognizers), recognizers, strict=True):
            models.append(show(options.video, title, recognizer, side=options.side))
            step(f"looked with {title}")
    return models


def _album(
    models: "list[ModelView]", kinds: list[str], options: argparse.Namespace
) -> "album.Album":
    """What is to be drawn, by kind. Errors: ValueError for kinds that these models do not have."""
    from ila_jax.pictures import album
    from ila_jax.pictures.kinds import KINDS

    # Pairs show two times at once, so they cannot play.
    if options.output.suffix in album.MOVING:
        if kinds == [album.STILL]:
            raise ValueError(
                f"--show {album.STILL}: both frames of a pair are seen at once, in a .png"
            )
        kinds = [kind for kind in kinds if kind != album.STILL]
    album_of_kinds = {kind: sheets for kind in kinds if (sheets := KINDS[kind](models))}
    # By default, what these models do not have is left out. When it was asked for, it is an error.
    if options.show is not None and (
        missing := [kind for kind in kinds if kind not in album_of_kinds]
    ):
        raise ValueError(
            f"--show {', '.join(missing)}: only ila and ila_token have points and masks, "
            f"and here is {', '.join(model.title for model in models)}"
        )
    return album_of_kinds


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("visualize", _HELP)
    add = parser.add_argument
    add("checkpoints", metavar="CHECKPOINT[,CHECKPOINT...]", help="models, side by side")
    add("video", type=cli.some_path, metavar="VIDEO", help="a video file")
    add("--output", type=cli.some_path, required=True, metavar="OUT",
        help="a folder, or a file that ends in .png, .gif or .mp4: all kinds in one")  # fmt: skip
    add("--show", metavar="A,B", help="some of the kinds above (default: all that the models have)")
    add("--side", type=int, default=160, metavar="PIXELS", help="of a frame (default: 160)")
    return parser


if __name__ == "__main__":
    cli.leave(main())

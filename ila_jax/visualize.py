"""python -m ila_jax.visualize: what models look at in a video, as pictures."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ila_jax import cli
from ila_jax.files.writable import check_file, check_writable
from ila_jax.pictures import album
from ila_jax.pictures.kinds import KINDS, Shown
from ila_jax.pictures.shown import check_frames, show, titles
from ila_jax.weights.folder import load

_HELP = """\
Draws what trained models look at in a video: for every block the interactive points and masks of
ILA, the attention of the class token, and the norm of the patches' tokens, over the frames that the
models take of it. docs/pictures.md says what such pictures can tell.

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
_SIDES = (32, 1024)


def main(arguments: Sequence[str] | None = None) -> int:
    return cli.run(lambda: _visualize(_parser().parse_args(arguments)))


def _visualize(known: argparse.Namespace) -> None:
    names = [name.strip() for name in known.checkpoints.split(",")]
    kinds = cli.chosen("--show", known.show, KINDS, default=list(KINDS))
    _check(known, names)
    for path in album.write(_album(_models(names, known), kinds, known), known.output):
        print(path)


def _check(known: argparse.Namespace, names: list[str]) -> None:
    """Before anything is loaded. Errors: ValueError."""
    if not all(names):
        raise ValueError(f"{known.checkpoints!r}: expected checkpoints with a comma between two")
    if not known.video.is_file():
        raise ValueError(f"there is no video {known.video}")
    low, high = _SIDES
    if not low <= known.side <= high:
        raise ValueError(f"--side is {known.side}: expected {low} to {high} pixels")
    output = known.output
    if output.is_file() and output.samefile(known.video):
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


def _models(names: list[str], known: argparse.Namespace) -> list[Shown]:
    """Every model and what it sees."""
    with cli.progress(2 * len(names)) as step:
        recognizers = []
        for name in names:
            recognizers.append(load(name))
            step(f"loaded {name}")
        check_frames(names, recognizers)
        models = []
        for title, recognizer in zip(titles(names, recognizers), recognizers, strict=True):
            models.append(show(known.video, title, recognizer, side=known.side))
            step(f"looked with {title}")
    return models


def _album(models: list[Shown], kinds: list[str], known: argparse.Namespace) -> album.Album:
    """What is to be drawn, by kind. Errors: ValueError for kinds that these models do not have."""
    if known.output.suffix in album.MOVING:
        if kinds == [album.STILL]:
            raise ValueError(
                f"--show {album.STILL}: both frames of a pair are seen at once, in a .png"
            )
        kinds = [kind for kind in kinds if kind != album.STILL]
    found = {kind: sheets for kind in kinds if (sheets := KINDS[kind](models))}
    if known.show is not None and (missing := [kind for kind in kinds if kind not in found]):
        raise ValueError(
            f"--show {', '.join(missing)}: only ila and ila_token have points and masks, "
            f"and here is {', '.join(model.title for model in models)}"
        )
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.visualize",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("checkpoints", metavar="CHECKPOINT[,CHECKPOINT...]", help="models, side by side")
    add("video", type=Path, metavar="VIDEO", help="a video file")
    add("--output", type=cli.some_path, required=True, metavar="OUT",
        help="a folder, or a file that ends in .png, .gif or .mp4: all kinds in one")  # fmt: skip
    add("--show", metavar="A,B", help="some of the kinds above (default: all that the models have)")
    add("--side", type=int, default=160, metavar="PIXELS", help="of a frame (default: 160)")
    return parser


if __name__ == "__main__":
    cli.leave(main())

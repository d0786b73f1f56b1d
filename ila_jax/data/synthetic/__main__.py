"""python -m ila_jax.data.synthetic: draws motion pairs, the quickstart's data set."""

import argparse
from collections.abc import Sequence

from ila_jax import commands
from ila_jax.data.synthetic.arguments import add_drawing


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. arguments: those of the shell by default."""
    return commands.run(lambda: _synthetic(arguments))


def _synthetic(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    # After the arguments are parsed, whose help needs none of it.
    from ila_jax.data.synthetic import motion_pairs

    layout = "scattered_moving_camera" if args.moving_camera else args.layout
    if args.moving_camera and args.layout == "middle":
        raise ValueError("--moving-camera is of --layout scattered: give both, or neither")
    width, height = motion_pairs.FRAME_SIZES[layout]
    size = args.width or width, args.height or height
    folder = motion_pairs.make(
        args.output,
        train_clips=args.train_clips,
        validation_clips=args.validation_clips,
        seed=args.seed,
        size=size,
        processes=args.processes,
        layout=layout,
    )
    print(f"{args.train_clips} training and {args.validation_clips} validation clips in {folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.data.synthetic",
        description=(
            "Draws motion pairs, a small video data set to try training on: an object moves left "
            "or right, up or down, closer or away, or turns clockwise or counter-clockwise. Each "
            "motion is its partner played backwards, so a model that ignores the order of frames "
            "is right at most half of the time. In the scattered layout the object is small and "
            "anywhere, among one to three like it that stand still or shake, so that a model has "
            "to find it."
        ),
        epilog=(
            "DIR then holds train.txt and validation.txt (a video and its label a line), "
            "classes.txt (names in order of label), videos/ (mp4) and boxes/ (where the object "
            "that moves is, a numpy array x0 y0 x1 y1 a frame); with --layout scattered also "
            "objects/ (boxes [objects, frames, 4] and masks [objects, frames, height, width] of "
            "all, the one that moves first, as npz). The same command finds finished data and does "
            "nothing; a killed one leaves only a hidden .DIR.partial-* folder, which the "
            "next one removes."
        ),
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to make")
    parser.add_argument("--train-clips", type=int, default=2048, metavar="N",
                        help="a multiple of 8 (default: %(default)s)")  # fmt: skip
    parser.add_argument("--validation-clips", type=int, default=512, metavar="N",
                        help="a multiple of 8 (default: %(default)s)")  # fmt: skip
    parser.add_argument("--layout", choices=("middle", "scattered"), default="middle",
                        help="where objects are (default: %(default)s)")  # fmt: skip
    parser.add_argument("--moving-camera", action="store_true",
                        help="with --layout scattered: the camera pans over the scene")  # fmt: skip
    parser.add_argument("--width", type=int, help="pixels (default: 64)")
    parser.add_argument("--height", type=int, help="pixels (default: 48, scattered: 64)")
    add_drawing(parser)
    return parser


if __name__ == "__main__":
    commands.leave(main())

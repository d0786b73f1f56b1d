"""python -m ila_jax.data.synthetic.actions: draws actions with objects, to try fine-tuning on."""

import argparse
from collections.abc import Sequence

from ila_jax import cli, commands
from ila_jax.data.synthetic.arguments import add_drawing


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code. arguments: those of the shell by default."""
    return commands.run(lambda: _actions(arguments))


def _actions(arguments: Sequence[str] | None) -> None:
    args = _parser().parse_args(arguments)
    # After the arguments are parsed, whose help needs none of it.
    from ila_jax.data.synthetic.actions import making

    folder = making.make(args.output, clips=args.clips, seed=args.seed, processes=args.processes)
    videos = folder / making.VIDEOS
    print(
        f"{args.clips} clips in {videos}, a folder for each class; what each one is stands in "
        f"{folder / making.TRUTH}\n"
        "to split them, and to see what is wrong with them: python -m ila_jax.data.split "
        f"{videos} --out {folder / 'split.csv'}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.data.synthetic.actions",
        description=(
            "Draws a data set like the ones that people bring, to try training and fine-tuning on: "
            "hands move, cover, hide, drop, lift and poke things on a table, in 12 classes of very "
            "different sizes, before a moving camera and among things that do not matter. Some "
            "files are damaged, and some are near-duplicates of others. Four pairs of classes are "
            "each other's reversal in time."
        ),
        epilog=(
            "OUT then holds videos/CLASS/SCENE_PART.mp4, where clips of one SCENE are cut from "
            "one source video, and truth.csv, which says of each file its class, its source "
            "video, the original of a near-duplicate, and its damage. The same command goes on "
            "after Ctrl-C or a kill, and does nothing when all is there; until then the files are "
            "in the hidden folder .OUT.unfinished."
        ),
    )
    parser.add_argument("output", metavar="OUT", type=cli.some_path, help="folder to make")
    parser.add_argument("--clips", type=int, default=500, metavar="N",
                        help="files of all classes together (default: %(default)s)")  # fmt: skip
    add_drawing(parser)
    return parser


if __name__ == "__main__":
    commands.leave(main())

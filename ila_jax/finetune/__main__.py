"""Makes a model of your own videos: split, check, train, evaluate, calibrate, describe.

    python -m ila_jax.finetune clips --weights weights/clip --workdir models/mine
    python -m ila_jax.finetune list.csv --weights runs/quickstart --workdir models/mine --test 0.2

VIDEOS is a folder with a folder for each class, or a list (CSV) with the columns file and label, in
which a clip may have several labels; own-videos.md says what else it may have. W is a file of CLIP,
X-CLIP or ILA from PyTorch, a folder of Hugging Face, hf://OWNER/NAME, a folder of weights, or a run
of ila_jax; classes, frames and resolution may be other ones. Without it, training starts from
noise.

All that is decided is printed first, with the reason, and can be set: by an option below, or by
--config.KEY=VALUE, such as --config.train.ema=0.999. With --plan nothing is trained: look at the
split and the configuration, edit the split, and give the command again without it.

DIR then holds split.csv, config.py (for python -m ila_jax.train --config), run/ (for predict and
serve), evaluation/ with report.html, and card.md, the model card. Stop it with Ctrl-C or SIGTERM,
which ends it with exit code 130, and type the same command to go on.
"""

import argparse
from collections.abc import Sequence

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.data.split.arguments import add_split
from ila_jax.finetune.options import Options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _finetune(arguments))


def _finetune(arguments: Sequence[str] | None) -> None:
    parsed, overrides = cli.parse_overrides(_parser(), arguments)
    options = Options(**vars(parsed), overrides=tuple(overrides))
    _check(options)
    # After the arguments are known to be right.
    from ila_jax.data.sources.own_videos import read_own_videos
    from ila_jax.files.writable import check_writable
    from ila_jax.finetune.options import Folder

    check_writable(options.workdir)
    Folder(options.workdir).check(options)
    videos = read_own_videos(options.videos, root=options.root, merge_labels=options.merge_labels)
    # Loading jax takes a second: what is wrong with the videos is said before.
    from ila_jax.finetune.stages import finetune

    use_compilation_cache(no_cache=options.no_cache)
    if not finetune(videos, options):
        # What follows in a script takes the model, and there is none yet.
        raise KeyboardInterrupt


def _check(options: Options) -> None:
    """Errors: ValueError for numbers that are none, and for a name that --config does not take."""
    if ":" in str(options.workdir.absolute()):
        raise ValueError(f"{options.workdir.absolute()}: expected a folder without : in its path")
    for name in ("clips", "crops", "processes"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} is {getattr(options, name)}: expected 1 or more")


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("finetune", __doc__)
    add = parser.add_argument
    add("--workdir", type=cli.some_path, required=True, metavar="DIR", help="folder to make")
    add("--weights", metavar="W", help="what to start from (default: noise)")
    add("--plan", action="store_true", help="decide and write all, and train nothing")
    add("--recipe", choices=["full", "partial", "frozen"], default="full",
        help="what trains: all that the papers train, the last blocks, or no block (default: "
        "%(default)s)")  # fmt: skip
    add_split(parser)
    model = parser.add_argument_group("model")
    add = model.add_argument
    add("--frames", type=int, metavar="T", help="of a clip (default: as the weights)")
    add("--resolution", type=int, metavar="PX", help="of a frame (default: as the weights)")
    add("--temporal", metavar="NAME", help="temporal model (default: as the weights; CLIP's: ila)")
    add("--size", metavar="NAME", help="without --weights (default: tiny)")
    training = parser.add_argument_group("training and evaluation")
    add = training.add_argument
    add("--blocks", type=int, metavar="N", help="with --recipe partial (default: 4, or a third)")
    add("--patience", type=int, default=15, metavar="N",
        help="no better validations that end training, 0: off (default: %(default)s)")  # fmt: skip
    add(
        "--epochs",
        type=float,
        metavar="N",
        help="length (default: the recipe's, 30 or 50; from noise 100)",
    )
    add("--batch", type=int, metavar="N", help="clips of a step (default: by their number)")
    add(
        "--rate",
        type=float,
        metavar="R",
        help="learning rate; of the tower, where that trains too (default: the weights' recipe's)",
    )
    add("--balance", choices=["none", "sampling", "weights"],
        help="of classes (default: none, as they are)")  # fmt: skip
    add("--clips", type=int, default=4, metavar="N",
        help="of a video in evaluation (default: %(default)s)")  # fmt: skip
    add("--crops", type=int, default=3, metavar="N", help="of each (default: %(default)s)")
    cli.add_device_memory(training)
    cli.add_no_cache(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

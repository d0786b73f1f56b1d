"""Measures a model on a data set of the field, as papers do it, over the data set's own splits.

  classes that the weights were not trained on, on all three test lists:
    python -m ila_jax.protocol zero-shot hmdb51:hmdb51/testTrainMulti_7030_splits \\
        --root hmdb51/hmdb51_org --weights weights/ila --workdir results/hmdb51-zero-shot
  2, 4, 8 and 16 clips a class, drawn from the first training list, measured on the first test list:
    python -m ila_jax.protocol few-shot ucf101:ucf101/ucfTrainTestlist \\
        --root ucf101/UCF-101 --weights weights/ila --workdir results/ucf101-few-shot
  all training clips of each split:
    python -m ila_jax.protocol supervised ucf101:ucf101/ucfTrainTestlist \\
        --root ucf101/UCF-101 --weights weights/ila --workdir results/ucf101

DATA is one of the following, where DIR is the folder of the data set's own lists, unpacked:
  hmdb51:DIR  ucf101:DIR    three splits each
  zsl220:DIR                Kinetics-600's new classes, three sets of 160, for zero-shot alone
  kinetics:DIR  diving48:DIR  charades:DIR    one split; Charades for supervised alone

The plan is printed first. With --plan nothing else is done, but that few-shot lists are drawn into
--workdir, where you can look at them and edit them. What a training decides is printed when it
begins, and can be set: by an option below, or by --config.KEY=VALUE. The last checkpoint is
measured: test clips choose nothing. Charades' mAP leaves out test videos without any
action, as its authors' program does.

--workdir then holds a folder for each run, results.md with mean ± deviation of all runs in it, and
results.json. Stop it with Ctrl-C or SIGTERM, and type the same command to go on: what is done is
not done again.
docs/how-to/protocols.md says how this compares with the papers.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.protocol.options import Options
from ila_jax.protocol.protocols import PROTOCOLS


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    parsed, overrides = cli.parse_overrides(_parser(), arguments)
    # Argparse gives lists, where the options cannot be changed.
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(parsed).items()
    }
    options = Options(**values, overrides=tuple(overrides))
    # After the arguments are known to be right.
    from ila_jax.files.writable import check_writable

    check_writable(options.workdir)
    # Loading jax takes a second: what is wrong with the arguments is said before.
    from ila_jax.protocol.running import run_protocol

    use_compilation_cache(no_cache=options.no_cache)
    if not run_protocol(options):
        # What follows in a script takes the results, of which some are not there yet.
        raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("protocol", __doc__)
    add = parser.add_argument
    add("protocol", choices=PROTOCOLS, metavar="PROTOCOL", help=", ".join(PROTOCOLS))
    add("data", metavar="DATA", help="a data set by its own lists")
    add("--weights", required=True, metavar="W",
        help="a run, a folder of weights, hf://OWNER/NAME, or a file of CLIP, X-CLIP or "
        "ILA")  # fmt: skip
    add("--workdir", type=cli.some_path, required=True, metavar="DIR", help="folder to make")
    add("--root", default="", metavar="DIR", help="folder of the videos (default: this one)")
    add("--plan", action="store_true", help="print the plan, draw lists, and do nothing else")
    add("--class-names", metavar="FILE",
        help="class names in another spelling or order (default: the data set's)")  # fmt: skip
    add("--splits", type=int, nargs="+", metavar="N",
        help="of the data set (default: all; of few-shot the first)")  # fmt: skip
    add("--seeds", type=int, nargs="+", default=[0], metavar="N",
        help="of trainings and drawn lists, a run for each (default: 0)")  # fmt: skip
    few = parser.add_argument_group("few-shot")
    few.add_argument("--shots", type=int, nargs="+", default=[2, 4, 8, 16], metavar="K",
        help="clips of each class (default: 2 4 8 16)")  # fmt: skip
    few.add_argument("--lists", nargs="+", default=[], metavar="FILE",
        help="`path label` a line, in place of drawn ones")  # fmt: skip
    _add_training(parser)
    cli.add_no_cache(parser)
    return parser


def _add_training(parser: argparse.ArgumentParser) -> None:
    """Adds what a training and an evaluation are set by, as in `python -m ila_jax.finetune`."""
    group = parser.add_argument_group("model, training and evaluation")
    add = group.add_argument
    add("--recipe", choices=["full", "partial", "frozen"], default="full",
        help="what trains: all that the papers train, the last blocks, or no block (default: "
        "%(default)s)")  # fmt: skip
    add("--blocks", type=int, metavar="N", help="with --recipe partial (default: 4, or a third)")
    add("--temporal", metavar="NAME", help="temporal model (default: as the weights; CLIP's: ila)")
    add("--frames", type=int, metavar="T", help="of a clip (default: as the weights)")
    add("--resolution", type=int, metavar="PX", help="of a frame (default: as the weights)")
    add("--epochs", type=float, metavar="N", help="length (default: the recipe's)")
    add("--batch", type=int, metavar="N", help="clips of a step (default: by their number)")
    add("--rate", type=float, metavar="R", help="learning rate (default: the weights' recipe's)")
    add("--clips", type=int, default=4, metavar="N",
        help="of a video in evaluation (default: %(default)s)")  # fmt: skip
    add("--crops", type=int, default=3, metavar="N", help="of each (default: %(default)s)")
    cli.add_device_memory(group)


if __name__ == "__main__":
    cli.leave(main())

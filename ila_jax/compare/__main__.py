"""python -m ila_jax.compare: trains every temporal model alike, and reports them side by side."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.compare.methods import COMPARED, DEFAULT
from ila_jax.compare.runs import BUDGETS, LAYOUTS, POSITIONS, Plan, Setting
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.config import Override
from ila_jax.files.writable import check_writable

if TYPE_CHECKING:
    from ila_jax.compare.runs import TrainingRun

_HELP = """\
Trains the temporal models on motion pairs with the same budget, data order and seeds, each with
and without the position embedding of multi-frame integration, so that one sees which blocks learn
the order of frames by themselves. Then it scores each on clips forwards, backwards and shuffled,
measures what it aligns, and writes one report: report.md, report.json and report.png in --workdir.

  all of them, three seeds:
    python -m ila_jax.compare --workdir runs/comparison
  one seed, two of them, half the steps:
    python -m ila_jax.compare --workdir runs/two --seeds 1 --methods xclip,ila \\
        --config.train.steps=500
  what aligns (docs/explanation/alignment.md): objects anywhere, and budgets of equal arithmetic:
    python -m ila_jax.compare --workdir runs/alignment --config alignment --processes 2 \\
        --layouts scattered,middle --budgets steps,arithmetic --positions with \\
        --methods ila,spatial,joint,divided,ata,xclip,ila_token,ila_weight_0,ila_narrow_masks

Stop it with Ctrl-C or SIGTERM and type the same command to go on: runs that are done are kept.
With more --seeds, --methods, --layouts or --budgets it adds the runs that are missing. Typed twice
at a time, both work on the same list. --report makes the report of what is done by now.

A budget of steps gives all methods the steps of the configuration. One of arithmetic gives each as
many as cost what ILA's do, in multiply-accumulates; a method that gets within a tenth of the same
steps by both has one run for both. Changed forms of ILA are trained by steps alone, and where both
layouts are asked for, on the scattered one.
"""
_CONFIG = "ablation"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _compare(sys.argv[1:] if arguments is None else arguments))


def _compare(arguments: Sequence[str]) -> None:
    options, overrides = cli.parse_overrides(_parser(), arguments)
    runs = _plan(options, overrides).runs()
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.compare import figure, training

    # What the report needs is asked for before hours of training, not after.
    figure.require_matplotlib()
    check_writable(options.workdir)
    training.check(runs)
    if options.report:
        _report(runs, options)
    elif options.helper:
        parent = os.getppid()
        training.share_cores(*map(int, options.helper.split("/")))
        use_compilation_cache(no_cache=options.no_cache)
        training.work(runs, parent=parent)
    else:
        _work_and_report(runs, options, arguments)


def _work_and_report(
    runs: "Sequence[TrainingRun]", options: argparse.Namespace, arguments: Sequence[str]
) -> None:
    from ila_jax.compare import training
    from ila_jax.job.processes import say

    with training.helpers(arguments, options.processes - 1):
        use_compilation_cache(no_cache=options.no_cache)
        # A signal ends the list early; then there is no report, which would compare unlike runs.
        if not training.work(runs):
            return
    # What a helper has left, if it ended early.
    if training.work(runs) and all(run.is_done for run in runs):
        _report(runs, options)
    else:
        say("another process still works on some of the runs: the one that ends last reports")


def _plan(options: argparse.Namespace, overrides: Sequence[Override]) -> Plan:
    """What the arguments ask for. Errors: ValueError."""
    for flag in ("seeds", "processes"):
        if getattr(options, flag) < 1:
            raise ValueError(f"--{flag} is {getattr(options, flag)}: expected at least 1")
    layouts = cli.chosen("--layouts", options.layouts, LAYOUTS, default=["middle"])
    budgets = cli.chosen("--budgets", options.budgets, BUDGETS, default=["steps"])
    positions = cli.chosen("--positions", options.positions, POSITIONS, default=list(POSITIONS))
    return Plan(
        methods=cli.chosen("--methods", options.methods, COMPARED, default=DEFAULT),
        positions=[POSITIONS[name] for name in positions],
        settings=[Setting(layout, budget) for budget in budgets for layout in layouts],
        seeds=options.seeds,
        file=options.config,
        overrides=overrides,
        workdir=options.workdir,
    )


def _report(runs: "Sequence[TrainingRun]", options: argparse.Namespace) -> None:
    """Writes report.md, report.json and report.png of the runs that are done; prints the tables."""
    from ila_jax.compare import report

    print(report.write(runs, options.workdir))


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("compare", _HELP)
    add = parser.add_argument
    add(
        "--workdir",
        required=True,
        type=cli.some_path,
        metavar="DIR",
        help="folder of runs and report",
    )
    add("--methods", metavar="A,B", help=f"of {', '.join(COMPARED)} (default: the models alone)")
    add("--seeds", type=int, default=3, metavar="N", help="runs of each, seeds 0 to N-1")
    add("--config", default=_CONFIG, metavar="NAME",
        help=f"called as NAME:METHOD; {_CONFIG}, or alignment for changed ILAs")  # fmt: skip
    add("--layouts", metavar="A,B", help=f"where objects are, of {', '.join(LAYOUTS)} (middle)")
    add("--budgets", metavar="A,B", help=f"how long to train, of {', '.join(BUDGETS)} (steps)")
    add("--positions", metavar="A,B", help=f"of {', '.join(POSITIONS)} (both)")
    add("--processes", type=int, default=1, metavar="P", help="that train at once")
    add("--report", action="store_true", help="train nothing, and report what is done")
    # Of the processes that this command starts itself: K/N.
    add("--helper", help=argparse.SUPPRESS)
    cli.add_no_cache(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

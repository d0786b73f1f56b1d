"""python -m ila_jax.compare: trains every temporal model alike, and reports them side by side."""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.config import Config, Override, from_config, read_config
from ila_jax.cost.countings import METHODS
from ila_jax.files.json_files import json_text
from ila_jax.files.publish import publish_text
from ila_jax.files.writable import check_writable
from ila_jax.tables import render

if TYPE_CHECKING:
    from ila_jax.compare.comparison import Outcome

_HELP = """\
Trains the temporal models on motion pairs with the same budget, data order and seeds, each with
and without the position embedding of multi-frame integration, so that one sees which blocks learn
the order of frames by themselves. Then it scores each on clips forwards, backwards and shuffled,
and writes one report: report.md, report.json and report.png in --workdir.

  all of them, three seeds:
    python -m ila_jax.compare --workdir runs/comparison
  one seed, two of them, half the steps:
    python -m ila_jax.compare --workdir runs/two --seeds 1 --methods xclip,ila \\
        --config.train.steps=500

Stop it with Ctrl-C or SIGTERM and type the same command to go on: runs that are done are kept.
With more --seeds, or --methods, it adds the runs that are missing.
"""
_CONFIG = "ablation"
# Plain CLIP cannot tell a clip from its reversal, and has no positions to leave out.
_METHODS = [method for method in METHODS if method != "clip"]
_DEFAULT = [method for method in _METHODS if method != "ila_token_ssv2"]


@dataclass(frozen=True)
class TrainingRun:
    """One model to train, and the folder that its run is in."""

    method: str
    positions: bool
    seed: int
    config: Config
    workdir: Path

    def __str__(self) -> str:
        positions = "" if self.positions else ", without positions"
        return f"{METHODS[self.method].title}{positions}, seed {self.seed}"

    @property
    def result(self) -> Path:
        """The file that says, by being there, that this run is done."""
        return self.workdir / "result.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _compare(arguments))


def _compare(arguments: Sequence[str] | None) -> None:
    options, overrides = cli.parse_overrides(_parser(), arguments)
    methods = cli.chosen("--methods", options.methods, _METHODS, default=_DEFAULT)
    if options.seeds < 1:
        raise ValueError(f"--seeds is {options.seeds}: expected at least 1")
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.compare import figure

    # What the report needs is asked for before hours of training, not after.
    figure.require_matplotlib()
    check_writable(options.workdir)
    # Seeds are the outer loop: stopped early, all methods have the same number of seeds.
    runs = [
        TrainingRun(method, positions, seed, config, options.workdir / name / f"seed{seed}")
        for seed in range(options.seeds)
        for method in methods
        for positions, name in ((True, method), (False, f"{method}_no_positions"))
        for config in [_config(options.config, overrides, method, positions, seed)]
    ]
    use_compilation_cache(no_cache=options.no_cache)
    # A signal ends the list early; then there is no report, which would compare unlike runs.
    outcomes = list(_outcomes(runs))
    if len(outcomes) == len(runs):
        _report(runs[0].config, outcomes, options.workdir)


def _config(
    file: str, overrides: Sequence[Override], method: str, positions: bool, seed: int
) -> Config:
    """The configuration of one run. Errors: ValueError."""
    # Last, so that they win: an override of the seed would make all seeds the same run.
    own = [("model.mit_positions", positions), ("train.seed", seed)]
    config = from_config(read_config(f"{file}:{method}", [*overrides, *own]))
    if config.data.motion_pairs is None:
        raise ValueError(f"{file} has no data.motion_pairs: what is compared is their motion")
    return config


def _outcomes(runs: Sequence[TrainingRun]) -> "Iterator[Outcome]":
    """Yields the outcome of each run in turn; ends early when a signal stops one."""
    import jax

    from ila_jax.job.processes import say

    # Not the time of day, which a clock that is set would change.
    begin, trained = time.monotonic(), 0
    for number, run in enumerate(runs, start=1):
        say(f"run {number} of {len(runs)}: {run}")
        is_done = run.result.exists()
        outcome = _outcome(run)
        if outcome is None:
            return
        yield outcome
        # No later run has the same program, and the compiled ones would pile up in memory.
        jax.clear_caches()
        # Runs that were done before cost no time, and would make the estimate too short.
        trained += not is_done
        if trained and number < len(runs):
            minutes = (time.monotonic() - begin) / trained * (len(runs) - number) / 60
            say(f"top-1 {outcome.order.forward:.1%}; about {minutes:.0f} minutes left")


def _outcome(run: TrainingRun) -> "Outcome | None":
    """Trains and scores a run unless that is done; None when a signal stopped it.

    Errors: those of `train`.
    """
    from ila_jax.compare import comparison
    from ila_jax.data.synthetic import motion_pairs
    from ila_jax.scoring import time_order
    from ila_jax.train.loop import train
    from ila_jax.train.start import check_folder

    # Also of a run that is done: its result is of the configuration that it was trained with.
    check_folder(run.workdir, run.config)
    if run.result.exists():
        return comparison.read(run.result)
    motion_pairs.ensure(run.config.data)
    if not train(run.config, run.workdir):
        return None
    order = time_order.measure(run.workdir, run.config)
    clips_per_second = comparison.training_speed(run.workdir / "metrics.jsonl")
    outcome = comparison.Outcome(run.method, run.positions, run.seed, order, clips_per_second)
    comparison.write(outcome, run.result)
    return outcome


def _report(config: Config, outcomes: "Sequence[Outcome]", folder: Path) -> None:
    """Writes report.md, report.json and report.png, and prints the tables."""
    from ila_jax.compare import comparison, figure
    from ila_jax.cost.measure import machine

    train, rows = config.train, comparison.rows(outcomes, config.model)
    length = f"{train.steps} steps" if train.epochs is None else f"{train.epochs:g} epochs"
    budget = f"{length} of {train.batch} clips each; {machine()}"
    tables = comparison.tables(rows)
    publish_text(folder / "report.md", f"{budget}\n\n{render(tables, markdown=True)}\n")
    values = {"budget": budget, "rows": comparison.as_json(rows)}
    publish_text(folder / "report.json", json_text(values, indent=2))
    figure.draw(rows, folder / "report.png")
    print(f"{render(tables, markdown=False)}\n\n{budget}\nwritten: {folder}/report.md, .json, .png")


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
    add("--methods", metavar="A,B", help=f"of {', '.join(_METHODS)} (default: all but the last)")
    add("--seeds", type=int, default=3, metavar="N", help="runs of each, seeds 0 to N-1")
    add("--config", default=_CONFIG, metavar="NAME", help=f"called as NAME:METHOD; {_CONFIG}")
    cli.add_no_cache(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

"""python -m ila_jax.compare: trains every temporal model alike, and reports them side by side."""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax import cli
from ila_jax.compare import comparison, figure
from ila_jax.compare.comparison import Outcome
from ila_jax.config import Config, Override, from_config, read_config
from ila_jax.cost.countings import METHODS
from ila_jax.cost.measure import machine
from ila_jax.files.json_files import json_text
from ila_jax.files.publish import publish_text
from ila_jax.files.writable import check_writable
from ila_jax.tables import render

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
class Run:
    """One model to train."""

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
        return self.workdir / "result.json"


def main(arguments: Sequence[str] | None = None) -> int:
    return cli.run(lambda: _compare(arguments))


def _compare(arguments: Sequence[str] | None) -> None:
    known, overrides = cli.parse_overrides(_parser(), arguments)
    methods = cli.chosen("--methods", known.methods, _METHODS, default=_DEFAULT)
    if known.seeds < 1:
        raise ValueError(f"--seeds is {known.seeds}: expected at least 1")
    figure.require_matplotlib()
    check_writable(known.workdir)
    runs = [
        Run(method, positions, seed, config, known.workdir / name / f"seed{seed}")
        for seed in range(known.seeds)
        for method in methods
        for positions, name in ((True, method), (False, f"{method}_no_positions"))
        for config in [_config(known.config, overrides, method, positions, seed)]
    ]
    outcomes = list(_outcomes(runs))
    if len(outcomes) == len(runs):
        _report(runs[0].config, outcomes, known.workdir)


def _config(
    file: str, overrides: Sequence[Override], method: str, positions: bool, seed: int
) -> Config:
    """The run's own values win over the overrides."""
    own = [("model.mit_positions", positions), ("train.seed", seed)]
    config = from_config(read_config(f"{file}:{method}", [*overrides, *own]))
    if config.data.motion_pairs is None:
        raise ValueError(f"{file} has no data.motion_pairs: what is compared is their motion")
    return config


def _outcomes(runs: Sequence[Run]) -> Iterator[Outcome]:
    """Of each run in turn; ends early when a signal stops one."""
    import jax

    from ila_jax.job.processes import say

    begin, trained = time.monotonic(), 0
    for number, run in enumerate(runs, start=1):
        say(f"run {number} of {len(runs)}: {run}")
        done = run.result.exists()
        outcome = _outcome(run)
        if outcome is None:
            return
        yield outcome
        jax.clear_caches()  # no later run has the same program
        trained += not done
        if trained and number < len(runs):
            minutes = (time.monotonic() - begin) / trained * (len(runs) - number) / 60
            say(f"top-1 {outcome.order.forward:.1%}; about {minutes:.0f} minutes left")


def _outcome(run: Run) -> Outcome | None:
    """Trains unless it is done; None when a signal stopped it. Errors: those of `train`."""
    from ila_jax.data.synthetic import motion_pairs
    from ila_jax.scoring import time_order
    from ila_jax.train.loop import train
    from ila_jax.train.start import check_folder

    check_folder(run.workdir, run.config)
    if run.result.exists():
        return comparison.read(run.result)
    motion_pairs.ensure(run.config.data)
    if not train(run.config, run.workdir):
        return None
    order = time_order.measure(run.workdir, run.config)
    rate = comparison.training_rate(run.workdir / "metrics.jsonl")
    outcome = Outcome(run.method, run.positions, run.seed, order, rate)
    comparison.write(outcome, run.result)
    return outcome


def _report(config: Config, outcomes: Sequence[Outcome], folder: Path) -> None:
    train, rows = config.train, comparison.rows(outcomes, config.model)
    budget = f"{train.steps} steps of {train.batch} clips each; {machine()}"
    tables = comparison.tables(rows)
    publish_text(folder / "report.md", f"{budget}\n\n{render(tables, markdown=True)}\n")
    values = {"budget": budget, "rows": comparison.as_json(rows)}
    publish_text(folder / "report.json", json_text(values, indent=2))
    figure.draw(rows, folder / "report.png")
    print(f"{render(tables, markdown=False)}\n\n{budget}\nwritten: {folder}/report.md, .json, .png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.compare",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--workdir", required=True, type=Path, metavar="DIR", help="folder of runs and report")
    add("--methods", metavar="A,B", help=f"of {', '.join(_METHODS)} (default: all but the last)")
    add("--seeds", type=int, default=3, metavar="N", help="runs of each, seeds 0 to N-1")
    add("--config", default=_CONFIG, metavar="NAME", help=f"called as NAME:METHOD; {_CONFIG}")
    return parser


if __name__ == "__main__":
    cli.leave(main())

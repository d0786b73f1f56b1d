"""python -m ila_jax.evaluate: a model's accuracy on a set of videos, and what is behind it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.config import Override, from_config, read_config
from ila_jax.files.counts import count_of
from ila_jax.files.publish import publish_text
from ila_jax.files.writable import check_file, check_writable

_HELP = """\
Evaluates a model on the validation videos of a configuration, with evaluation.clips x
evaluation.crops views of each, all from one decode; or compares two evaluations; or calibrates the
model of one.

  a trained run, with the paper's 4 x 3 views:
    python -m ila_jax.evaluate --config quickstart --checkpoint runs/quickstart \\
        --output runs/quickstart-evaluation --config.evaluation.clips=4 --config.evaluation.crops=3
  converted weights (the paper's configurations have 4 x 3 views already):
    python -m ila_jax.evaluate --config k400/b16_8f --checkpoint weights/ila_b16 \\
        --output evaluations/ila_b16 --config.data.validation=prepared:/videos/k400@validation
  which videos changed from one to the other, and whether that can be chance:
    python -m ila_jax.evaluate --compare evaluations/one evaluations/other
  probabilities that say how often the model is right, for predict and serve:
    python -m ila_jax.evaluate --calibrate evaluations/one

--output then holds result.json (accuracies with their intervals, classes, confusions,
calibration), predictions.parquet (a row for each listed video) and report.html, a page that needs
no network. Stop it with Ctrl-C or SIGTERM and type the same command to go on, also after a kill.
docs/how-to/evaluation.md says how accuracy is counted.

On several hosts start one process on each, with an --output that they share:
    srun python -m ila_jax.evaluate --distributed --config … --checkpoint … --output …
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> None:
    options, overrides = read(arguments)
    if options.compare:
        one, other = options.compare
        _compare(one, other, options.output)
    elif options.calibrate:
        _calibrate(options.calibrate)
    else:
        _evaluate(options, overrides)


def read(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[Override]]:
    """Parses arguments, and ends the command where they do not go together.

    Returns them, and the values to change in the configuration. The launchers in tools/ check by
    this what they pass on.
    """
    parser = _parser()
    options, overrides = cli.parse_overrides(parser, arguments)
    named = {f"--{name}": getattr(options, name) for name in ("config", "checkpoint", "output")}
    if options.compare and options.calibrate:
        parser.error("--compare and --calibrate are two things to do: give one of them")
    if options.compare:
        if options.config or options.checkpoint or overrides or cli.several_hosts(options):
            parser.error("--compare reads two finished evaluations: it takes --output alone")
    elif options.calibrate:
        if any(named.values()) or overrides or cli.several_hosts(options):
            parser.error("--calibrate reads a finished evaluation, and takes nothing else")
    elif missing := [name for name, value in named.items() if value is None]:
        parser.error(f"{' and '.join(missing)} missing: see --help")
    return options, overrides


def _compare(one: Path, other: Path, output: Path | None) -> None:
    """Prints how two evaluations differ, and writes all of it where a file is named."""
    from ila_jax.evaluate import paired

    if output is not None:
        check_file(output)
    changes = paired.compare(one, other)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        publish_text(output, paired.as_json(changes, one, other))
    print(paired.described(changes, one, other))


def _calibrate(folder: Path) -> None:
    """Fits a temperature on a finished evaluation, keeps it, and prints what it changes."""
    from ila_jax.evaluate.calibrate import calibrate

    print(calibrate(folder))


def _evaluate(options: argparse.Namespace, overrides: Sequence[Override]) -> None:
    """Evaluates a checkpoint into a folder, and prints the result when all is done."""
    config = from_config(read_config(options.config, overrides))
    check_writable(options.output)
    # After the arguments are known to be right: loading jax takes a second.
    import jax

    from ila_jax.data.synthetic import motion_pairs
    from ila_jax.evaluate import results
    from ila_jax.evaluate.evaluator import evaluate
    from ila_jax.evaluate.subject import open_subject
    from ila_jax.job.processes import connect, is_first, wait_for_all

    # Before the first array is made: jax would make it in 32 bits and keep it so.
    if config.model.precision == "float64":
        jax.config.update("jax_enable_x64", True)
    if cli.several_hosts(options):
        connect(options.coordinator, options.processes, options.process_id)
    use_compilation_cache(no_cache=options.no_cache, speaks=is_first())
    # One process draws, the others wait: they would draw the same into the same folder.
    if is_first():
        motion_pairs.ensure(config.data)
    wait_for_all("the data")
    finished = evaluate(open_subject(config, options.checkpoint), options.output)
    if finished and is_first():
        print(_table(results.read_result(options.output), options.output))


def _table(result: dict[str, Any], folder: Path) -> str:
    """Every metric with its interval and the first unreadable videos, as lines of text."""
    from ila_jax.scoring.metrics import telling

    videos, views = result["videos"], result["same"]["clips"] * result["same"]["crops"]
    metrics = telling(len(result["same"]["classes"]))
    listed = count_of(videos["listed"], "video", "videos")
    lines = [f"{listed} listed, {videos['decoded']} read; views of each: {views}"]
    width = max(len(f"{metric.title} of those listed") for metric in metrics.values())
    for over in ("listed", "decoded"):
        for name, metric in metrics.items():
            # A result of a version before may lack a metric, and some are of the videos read alone.
            if (value := result.get(name, {}).get(over)) is not None:
                interval = (
                    f"  ({value['low']:.2%} to {value['high']:.2%})" if "low" in value else ""
                )
                words = f"{metric.title} of those {'listed' if over == 'listed' else 'read'}"
                lines.append(f"{words:{width}}  {value['value']:7.2%}{interval}")
    # A result of a version before has none.
    for name in ("cautions", "training_cautions"):
        lines += [f"caution: {sentence}." for sentence in result.get(name, [])]
    lines += [
        f"unreadable: {video['video']}: {video['said']}" for video in result["unreadable"][:10]
    ]
    more = len(result["unreadable"]) - 10
    lines += [f"and {more} more in result.json"] if more > 0 else []
    return "\n".join([*lines, f"written: {folder}/result.json, predictions.parquet, report.html"])


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("evaluate", _HELP)
    cli.add_config(parser, required=False)
    add = parser.add_argument
    add("--checkpoint", metavar="DIR", help="a run (its best; DIR@latest, DIR@STEP) or weights")
    add(
        "--output",
        type=cli.some_path,
        metavar="DIR",
        help="folder to make; with --compare a JSON file",
    )
    add(
        "--compare",
        nargs=2,
        type=cli.some_path,
        metavar=("A", "B"),
        help="two folders of finished evaluations of the same videos",
    )
    add(
        "--calibrate",
        type=cli.some_path,
        metavar="DIR",
        help="a folder of a finished evaluation: fits a temperature, and keeps it for predict",
    )
    cli.add_no_cache(parser)
    cli.add_several_hosts(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

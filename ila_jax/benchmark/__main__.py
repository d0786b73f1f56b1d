"""python -m ila_jax.benchmark: how fast this machine is, and what limits it."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import get_args, get_type_hints

from ila_jax import cli
from ila_jax.benchmark.against import against_table, check_comparable
from ila_jax.benchmark.result import Result, read_result, setting
from ila_jax.config import Config, ModelConfig, Override, from_config, read_config
from ila_jax.cost.formulas import COSTS
from ila_jax.files.publish import publish_text
from ila_jax.files.writable import check_file
from ila_jax.tables import render

_HELP = """\
Measures on this machine; other work that it does at the same time is in the figures.

  what a configuration's videos cost, part by part, and what limits the loader:
    python -m ila_jax.benchmark data --config quickstart
  how many cores feed an accelerator that trains on 400 clips a second:
    python -m ila_jax.benchmark data --config k400/b32_8f --device-rate 400
  what a device trains on and recognises, on noise, in clips a second; how near that is to what it
  could, where its time and its memory go, and what limits it; several make a table:
    python -m ila_jax.benchmark model --config k400/b16_8f --config.train.batch=64
    python -m ila_jax.benchmark model --config k400/b32_8f k400/l14_8f --remat none,dots
  all seven temporal models, as shares of the spatial one's rate:
    python -m ila_jax.benchmark model --config k400/b32_8f --temporal all --output all.json
  the same again after a change, as ratios to what was measured before it:
    python -m ila_jax.benchmark model --config k400/b32_8f --output before.json
    python -m ila_jax.benchmark model --config k400/b32_8f --against before.json
  this decoder beside plain PyAV, and beside decord2 (or decord) and torchcodec if installed:
    python -m ila_jax.benchmark decoders
"""
# Plain CLIP looks at frames one by one: it has nothing temporal, and no configuration trains it.
_TEMPORAL = tuple(name for name in COSTS if name != "clip")
# How to get what this decoder is compared with.
_GETTING = {
    "decord": "pip install 'ila-jax[benchmark]' brings decord2, which is imported as decord.",
    "torchcodec": "docs/how-to/loader.md says which version goes with which PyTorch and FFmpeg.",
}


def main(arguments: list[str] | None = None) -> None:
    """Runs the command. Errors: ValueError, OSError."""
    parser = _parser()
    options, _ = parser.parse_known_args(arguments)
    for name in ("batches", "rounds", "steps", "classes"):
        if getattr(options, name, 1) < 1:
            raise ValueError(f"--{name} is {getattr(options, name)}: expected at least 1")
    # Parsed once more, each command by what it takes: only two of them have a configuration, whose
    # overrides argparse does not know.
    if options.command == "decoders":
        _decoders(parser.parse_args(arguments))
        return
    if options.command == "model":
        _model(*cli.parse_overrides(parser, arguments))
        return
    options, config = cli.parse(parser, arguments)
    if options.device_rate is not None and not options.device_rate > 0:
        raise ValueError(
            f"--device-rate is {options.device_rate}: expected clips a second, above 0"
        )
    _data(options, config)


def _data(options: argparse.Namespace, config: Config) -> None:
    """Measures the loader of a configuration, and prints what it reaches and what limits it."""
    # After the arguments are known to be right: loading jax takes a second.
    import jax

    from ila_jax.benchmark import loader
    from ila_jax.benchmark.host_tables import data_json, data_table
    from ila_jax.data.synthetic import motion_pairs
    from ila_jax.job.batches import open_dataset
    from ila_jax.job.sharding import check_batch, make_mesh, put_batch

    # Of a data set that is drawn, the drawing is no part of what is measured.
    motion_pairs.ensure(config.data)
    dataset, mesh = open_dataset(config), make_mesh()
    check_batch(mesh, "train.batch", config.train.batch)
    with cli.progress(3 + 2 * options.rounds) as step:
        throughput = loader.measure(
            dataset.train,
            dataset.clips,
            batch=config.train.batch,
            batches=options.batches,
            rounds=options.rounds,
            threads=config.data.threads,
            processes=config.data.processes,
            # Transfers run in the background: without waiting, they would seem to take no time.
            put=lambda batch: jax.block_until_ready(put_batch(mesh, batch)),
            step=step,
        )
    if options.json:
        print(json.dumps(data_json(throughput, options.device_rate), indent=2))
    else:
        print(render([data_table(throughput, options.device_rate)], markdown=False))


def _model(options: argparse.Namespace, overrides: Sequence[Override]) -> None:
    """Measures training and recognition of models on noise, and prints the figures."""
    _check_together(options)
    configs = _configs(options, overrides)
    earlier = None if options.against is None else read_result(options.against)
    if options.output is not None:
        _make_place(options.output)
    # After all that can be wrong with the arguments: loading jax takes a second.
    from ila_jax.benchmark import train_step
    from ila_jax.benchmark.model_tables import model_tables

    result = Result(train_step.machine(), [])
    if earlier is not None and not options.unlike:
        settings = [setting(name, config, options.classes) for name, config in configs]
        check_comparable(options.against, earlier, result.machine, settings)
    how = {"classes": options.classes, "steps": options.steps}
    with cli.progress(train_step.STAGES * len(configs)) as step:
        for name, config in configs:
            result.rows.append(train_step.measure(name, config, **how, step=step))
            # After each: what ends the command leaves what was measured before.
            if options.output is not None:
                publish_text(options.output, result.as_json())
    if options.json:
        print(result.as_json(), end="")
        return
    tables = model_tables(result)
    if earlier is not None:
        tables.append(against_table(result, earlier, options.against))
    print(render(tables, markdown=options.markdown))


def _configs(
    options: argparse.Namespace, overrides: Sequence[Override]
) -> list[tuple[str, Config]]:
    """The configurations to measure, each with every temporal model and every remat asked for."""
    temporal = _asked("--temporal", options.temporal, _TEMPORAL)
    remat = _asked("--remat", options.remat, get_args(get_type_hints(ModelConfig)["remat"]))
    # All are read first: what is wrong with the last is said before minutes of measuring.
    return [
        (name, from_config(read_config(name, [*overrides, *changes])))
        for name in options.config
        for model in _changes("model.temporal", temporal)
        for changes in ([*model, *kept] for kept in _changes("model.remat", remat))
    ]


def _check_together(options: argparse.Namespace) -> None:
    """Checks options of which one has no meaning with or without another. Errors: ValueError."""
    if options.unlike and options.against is None:
        raise ValueError("--unlike goes with --against: name the earlier file")
    if options.json and options.against is not None:
        raise ValueError("--against makes a table, which --json has no place for: leave one out")


def _make_place(path: Path) -> None:
    """Makes the folder of a file that is not there yet. Errors: ValueError, OSError."""
    if path.exists():
        raise ValueError(f"{path} is there already: name a new file, or delete it")
    check_file(path)
    path.absolute().parent.mkdir(parents=True, exist_ok=True)


def _asked(flag: str, text: str | None, choices: Collection[str]) -> list[str]:
    """The names in a text `A,B`, or all; none where there is no text: the configuration's own."""
    if text is None:
        return []
    return cli.chosen(flag, None if text == "all" else text, choices, default=list(choices))


def _changes(key: str, values: Sequence[str]) -> list[list[Override]]:
    """An override for each value, or one time none."""
    return [[(key, value)] for value in values] or [[]]


def _decoders(options: argparse.Namespace) -> None:
    """Measures this decoder beside others on the same files, and prints the ratios."""
    from ila_jax.benchmark import decoders
    from ila_jax.benchmark.host_tables import decoders_table

    # The others are extras, and the comparison with PyAV stands without them.
    for name, reason in decoders.left_out().items():
        print(f"{name} {reason}; it is left out. {_GETTING[name]}", file=sys.stderr)
    with cli.progress(decoders.FILES * (1 + options.rounds)) as step:
        files = []
        for name, data in decoders.videos():
            files.append((name, data))
            step("encoding")
        comparison = decoders.compare(files, rounds=options.rounds, step=lambda: step("decoding"))
    if options.json:
        print(
            json.dumps(
                dataclasses.asdict(comparison)
                | {"ratios": comparison.ratios(), "versions": decoders.versions()},
                indent=2,
            )
        )
    else:
        table = decoders_table(comparison, decoders.FRAMES, decoders.versions())
        print(render([table], markdown=False))


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.benchmark", description=_HELP, formatter_class=form
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="WHAT")
    data = commands.add_parser(
        "data", help="clips a second from file to device", description=_HELP, formatter_class=form
    )
    cli.add_config(data)
    data.add_argument(
        "--device-rate",
        type=float,
        metavar="CLIPS_PER_S",
        help="clips a second that the accelerators train on: says how many cores feed them",
    )
    data.add_argument(
        "--batches", type=int, default=4, metavar="N", help="that are timed (default: 4)"
    )
    model = commands.add_parser(
        "model", help="clips a second of the device", description=_HELP, formatter_class=form
    )
    model.add_argument("--config", required=True, nargs="+", metavar="NAME", help=cli.config_help())
    model.add_argument(
        "--classes", type=int, default=400, metavar="K", help="of the text head (default: 400)"
    )
    model.add_argument(
        "--steps", type=int, default=10, metavar="N", help="that are timed (default: 10)"
    )
    _add_models(model)
    decoders = commands.add_parser(
        "decoders", help="this decoder beside others", description=_HELP, formatter_class=form
    )
    for command, rounds in ((data, 3), (decoders, 10)):
        command.add_argument(
            "--rounds", type=int, default=rounds, metavar="N", help=f"(default: {rounds})"
        )
        command.add_argument("--json", action="store_true", help="keys in docs/how-to/loader.md")
    return parser


def _add_models(parser: argparse.ArgumentParser) -> None:
    """Adds which models are measured, and where the figures go."""
    parser.add_argument(
        "--temporal",
        metavar="A,B",
        help=f"temporal models, of {', '.join(_TEMPORAL)}, or all (default: the configuration's)",
    )
    parser.add_argument(
        "--remat",
        metavar="A,B",
        help="what is computed again in the pass backward, of none, dots, block, or all (default: "
        "the configuration's)",
    )
    parser.add_argument(
        "--output",
        type=cli.some_path,
        metavar="FILE.json",
        help="a new file for all figures, written after each model; keys in benchmark.md",
    )
    parser.add_argument(
        "--against",
        type=cli.some_path,
        metavar="FILE.json",
        help="an earlier --output: prints ratios to it. One of another machine, model or batch is "
        "refused",
    )
    parser.add_argument(
        "--unlike", action="store_true", help="with --against: also of something else"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print what --output writes")
    output.add_argument("--markdown", action="store_true")


if __name__ == "__main__":
    cli.leave(cli.run(main))

"""python -m ila_jax.benchmark: how fast this machine is, and what limits it."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.config import Config, Override, from_config, read_config
from ila_jax.tables import Table, render

if TYPE_CHECKING:
    from ila_jax.benchmark.decoders import Comparison
    from ila_jax.benchmark.loader import Throughput
    from ila_jax.benchmark.train_step import TrainStepSpeed

_HELP = """\
Measures on this machine; other work that it does at the same time is in the figures.

  what a configuration's videos cost, part by part, and what limits the loader:
    python -m ila_jax.benchmark data --config quickstart
  how many cores feed an accelerator that trains on 400 clips a second:
    python -m ila_jax.benchmark data --config k400/b32_8f --device-rate 400
  what a device trains on and recognises, on noise, in clips a second, and how near that is to what
  it could; several configurations make a table:
    python -m ila_jax.benchmark model --config k400/b16_8f --config.train.batch=64
    python -m ila_jax.benchmark model --config k400/b32_8f k400/l14_8f
  this decoder beside plain PyAV, and beside decord2 (or decord) and torchcodec if installed:
    python -m ila_jax.benchmark decoders
"""
# How to get what this decoder is compared with.
_GETTING = {
    "decord": "pip install 'ila-jax[benchmark]' brings decord2, which is imported as decord.",
    "torchcodec": "docs/data.md says which version goes with which PyTorch and FFmpeg.",
}
# The parts of `loader.PARTS` as tables name them.
_NAMES = {
    "read": "read the file",
    "decode": "decode",
    "crop_resize": "crop and resize",
    "batch": "batch",
    "to_device": "host to device",
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
        print(json.dumps(_data_json(throughput, options.device_rate), indent=2))
    else:
        print(render([_data_table(throughput, options.device_rate)], markdown=False))


def _data_json(throughput: "Throughput", device_rate: float | None) -> dict[str, object]:
    """What is measured and what follows from it, by the keys that docs/data.md names."""
    values = dataclasses.asdict(throughput) | {
        "outside_decode": throughput.outside_decode,
        "rate_per_core": throughput.rate_per_core,
        "limit": throughput.limit,
    }
    if device_rate is not None:
        values |= {
            "device_rate": device_rate,
            "cores_for_device": throughput.cores_for(device_rate),
        }
    return values


def _data_table(throughput: "Throughput", device_rate: float | None) -> Table:
    """The parts of the way from file to device, and what limits it in notes."""
    cells = [
        [_NAMES[part], f"{1e3 * seconds:.2f}", f"{1 / seconds:.0f}"]
        for part, seconds in throughput.seconds.items()
    ]
    how = (
        f"{throughput.threads} threads, {throughput.processes} processes, {throughput.cores} cores"
    )
    # Seconds of a core add up over cores, those by the clock do not: the notes say which is which.
    notes = [
        f"Outside of decoding the host spends {throughput.outside_decode:.1%} of the time of "
        "decoding.",
        f"By the clock ({how}): decoding alone {throughput.decode_rate:.1f} clips/s, end to end "
        f"{throughput.end_to_end_rate:.1f}, which is {throughput.ratio:.0%} of it.",
        f"The limit on this machine: {_NAMES[throughput.limit]}.",
        f"A core feeds {throughput.rate_per_core:.1f} clips/s.",
    ]
    if throughput.unreadable:
        notes.append(
            f"{throughput.unreadable} of {throughput.clips} videos could not be read: "
            "python -m ila_jax.data.check names them."
        )
    if device_rate is not None:
        notes.append(_feeding(throughput.cores_for(device_rate), device_rate))
    title = f"{throughput.clips} training clips, one at a time on one core"
    return Table(title, ["part", "ms a clip", "clips/s"], cells, notes)


def _feeding(cores: int | None, clips_per_second: float) -> str:
    """How many cores feed devices that train on so many clips a second, as a sentence."""
    if cores is None:
        return (
            f"No number of cores of one host feeds {clips_per_second:g} clips/s: batching and the "
            "transfer to the device, which one thread does, are slower than that. Train on several "
            "hosts."
        )
    return (
        f"{clips_per_second:g} clips/s need {cores} {'core' if cores == 1 else 'cores'} like these."
    )


def _model(options: argparse.Namespace, overrides: Sequence[Override]) -> None:
    """Measures training and recognition of configurations on noise, and prints the figures."""
    # All are read first: what is wrong with the last is said before minutes of measuring.
    configs = {file: from_config(read_config(file, overrides)) for file in options.config}
    from ila_jax.benchmark import train_step

    speeds = {}
    with cli.progress(train_step.STAGES * len(configs)) as step:
        for file, config in configs.items():
            speeds[file] = train_step.measure(
                config, classes=options.classes, steps=options.steps, step=step
            )
    if options.json:
        rates = {
            file: dataclasses.asdict(speed) | {"share_of_matmul": speed.share_of_matmul}
            for file, speed in speeds.items()
        }
        print(json.dumps(rates, indent=2))
    else:
        print(render([_model_table(configs, speeds)], markdown=options.markdown))


def _model_table(configs: Mapping[str, Config], speeds: Mapping[str, "TrainStepSpeed"]) -> Table:
    from ila_jax.cost.measure import machine

    header = [
        "configuration", "precision", "batch", "parts", "remat", "trains, clips/s", "TFLOP/s",
        "of matmul", "MFU", "recognises, clips/s", "GiB",
    ]  # fmt: skip
    cells = []
    for file, speed in speeds.items():
        config = configs[file]
        cells.append(
            [file, config.model.precision, str(config.train.batch), str(config.train.accumulation),
             config.model.remat, f"{speed.training:.1f}",
             f"{speed.training * speed.flops / 1e12:.2f}", f"{speed.share_of_matmul:.0%}",
             "–" if speed.mfu is None else f"{speed.mfu:.0%}", f"{speed.inference:.1f}",
             "–" if speed.memory is None else f"{speed.memory:.1f}"]
        )  # fmt: skip
    # All configurations are measured on the same devices.
    devices = next(iter(speeds.values())).devices
    notes = [
        "On noise instead of videos: nothing is read or decoded. The median of the steps.",
        "TFLOP/s: by formula, forward and backward. of matmul: of the rate that a large matrix "
        "product reaches here. MFU: of the maker's peak, where it is known.",
        "GiB: the most in use on one device, where it tells.",
    ]
    return Table(f"{devices} x {machine()}", header, cells, notes)


def _decoders(options: argparse.Namespace) -> None:
    """Measures this decoder beside others on the same files, and prints the ratios."""
    from ila_jax.benchmark import decoders

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
        table = _decoders_table(comparison, decoders.FRAMES, decoders.versions())
        print(render([table], markdown=False))


def _decoders_table(comparison: "Comparison", frames: int, versions: Mapping[str, str]) -> Table:
    # Ratios, since seconds are of this machine, and what is compared is the decoders.
    ratios = comparison.ratios()
    names = list(next(iter(ratios.values())))
    cells = [
        [
            file,
            f"{comparison.files[file] / 1e3:.0f}",
            f"{1e3 * comparison.seconds[file]['sequential']:.1f}",
        ]
        + [f"{ratios[file][name]:.2f}" for name in names if name != "sequential"]
        for file in ratios
    ]
    header = ["10 s of H.264", "kB", "sequential PyAV, ms"]
    header += [f"{name} / sequential" for name in names if name != "sequential"]
    title = f"{frames} frames of each video, on one core"
    read_by = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Table(title, header, cells, [f"Seconds of a core, the least of all rounds; {read_by}."])


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
    output = model.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="keys in docs/performance.md")
    output.add_argument("--markdown", action="store_true")
    decoders = commands.add_parser(
        "decoders", help="this decoder beside others", description=_HELP, formatter_class=form
    )
    for command, rounds in ((data, 3), (decoders, 10)):
        command.add_argument(
            "--rounds", type=int, default=rounds, metavar="N", help=f"(default: {rounds})"
        )
        command.add_argument("--json", action="store_true", help="keys in docs/data.md")
    return parser


if __name__ == "__main__":
    cli.leave(cli.run(main))

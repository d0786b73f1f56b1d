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
    from ila_jax.benchmark.train_step import Rate

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
  this decoder beside plain PyAV, and beside decord 0.6.0 if it is installed:
    python -m ila_jax.benchmark decoders
"""
_NAMES = {
    "read": "read the file",
    "decode": "decode",
    "crop_resize": "crop and resize",
    "batch": "batch",
    "to_device": "host to device",
}


def main(arguments: list[str] | None = None) -> None:
    parser = _parser()
    known, _ = parser.parse_known_args(arguments)
    for name in ("batches", "rounds", "steps", "classes"):
        if getattr(known, name, 1) < 1:
            raise ValueError(f"--{name} is {getattr(known, name)}: expected at least 1")
    if known.command == "decoders":
        _decoders(parser.parse_args(arguments))
        return
    if known.command == "model":
        _model(*cli.parse_overrides(parser, arguments))
        return
    known, config = cli.parse(parser, arguments)
    if known.device_rate is not None and not known.device_rate > 0:
        raise ValueError(f"--device-rate is {known.device_rate}: expected clips a second, above 0")
    _data(known, config)


def _data(known: argparse.Namespace, config: Config) -> None:
    # After the arguments are known to be right: loading jax takes a second.
    import jax

    from ila_jax.benchmark import loader
    from ila_jax.data.synthetic import motion_pairs
    from ila_jax.job.batches import open_dataset
    from ila_jax.job.sharding import check_batch, make_mesh, put_batch

    motion_pairs.ensure(config.data)
    dataset, mesh = open_dataset(config), make_mesh()
    check_batch(mesh, "train.batch", config.train.batch)
    with cli.progress(3 + 2 * known.rounds) as step:
        found = loader.measure(
            dataset.train,
            dataset.clips,
            batch=config.train.batch,
            batches=known.batches,
            rounds=known.rounds,
            threads=config.data.threads,
            processes=config.data.processes,
            put=lambda batch: jax.block_until_ready(put_batch(mesh, batch)),
            step=step,
        )
    if known.json:
        print(json.dumps(_data_json(found, known.device_rate), indent=2))
    else:
        print(render([_data_table(found, known.device_rate)], markdown=False))


def _data_json(found: "Throughput", device_rate: float | None) -> dict[str, object]:
    values = dataclasses.asdict(found) | {
        "outside_decode": found.outside_decode,
        "rate_per_core": found.rate_per_core,
        "limit": found.limit,
    }
    if device_rate is not None:
        values |= {"device_rate": device_rate, "cores_for_device": found.cores_for(device_rate)}
    return values


def _data_table(found: "Throughput", device_rate: float | None) -> Table:
    cells = [
        [_NAMES[part], f"{1e3 * seconds:.2f}", f"{1 / seconds:.0f}"]
        for part, seconds in found.seconds.items()
    ]
    how = f"{found.threads} threads, {found.processes} processes, {found.cores} cores"
    notes = [
        f"Outside of decoding the host spends {found.outside_decode:.1%} of the time of decoding.",
        f"By the clock ({how}): decoding alone {found.decode_rate:.1f} clips/s, end to end "
        f"{found.end_to_end_rate:.1f}, which is {found.ratio:.0%} of it.",
        f"The limit on this machine: {_NAMES[found.limit]}.",
        f"A core feeds {found.rate_per_core:.1f} clips/s.",
    ]
    if found.unreadable:
        notes.append(
            f"{found.unreadable} of {found.clips} videos could not be read: "
            "python -m ila_jax.data.check names them."
        )
    if device_rate is not None:
        notes.append(_feeding(found.cores_for(device_rate), device_rate))
    title = f"{found.clips} training clips, one at a time on one core"
    return Table(title, ["part", "ms a clip", "clips/s"], cells, notes)


def _feeding(cores: int | None, rate: float) -> str:
    if cores is None:
        return (
            f"No number of cores of one host feeds {rate:g} clips/s: batching and the transfer to "
            "the device, which one thread does, are slower than that. Train on several hosts."
        )
    return f"{rate:g} clips/s need {cores} {'core' if cores == 1 else 'cores'} like these."


def _model(known: argparse.Namespace, overrides: Sequence[Override]) -> None:
    configs = {file: from_config(read_config(file, overrides)) for file in known.config}
    from ila_jax.benchmark import train_step

    found = {}
    with cli.progress(train_step.PARTS * len(configs)) as step:
        for file, config in configs.items():
            found[file] = train_step.measure(
                config, classes=known.classes, steps=known.steps, step=step
            )
    if known.json:
        rates = {
            file: dataclasses.asdict(rate) | {"share_of_matmul": rate.share_of_matmul}
            for file, rate in found.items()
        }
        print(json.dumps(rates, indent=2))
    else:
        print(render([_model_table(configs, found)], markdown=known.markdown))


def _model_table(configs: Mapping[str, Config], found: Mapping[str, "Rate"]) -> Table:
    from ila_jax.cost.measure import machine

    header = [
        "configuration", "precision", "batch", "parts", "remat", "trains, clips/s", "TFLOP/s",
        "of matmul", "MFU", "recognises, clips/s", "GiB",
    ]  # fmt: skip
    cells = []
    for file, rate in found.items():
        config = configs[file]
        cells.append(
            [file, config.model.precision, str(config.train.batch), str(config.train.accumulation),
             config.model.remat, f"{rate.training:.1f}",
             f"{rate.training * rate.flops / 1e12:.2f}", f"{rate.share_of_matmul:.0%}",
             "–" if rate.mfu is None else f"{rate.mfu:.0%}", f"{rate.inference:.1f}",
             "–" if rate.memory is None else f"{rate.memory:.1f}"]
        )  # fmt: skip
    devices = next(iter(found.values())).devices
    notes = [
        "On noise instead of videos: nothing is read or decoded. The median of the steps.",
        "TFLOP/s: by formula, forward and backward. of matmul: of the rate that a large matrix "
        "product reaches here. MFU: of the maker's peak, where it is known.",
        "GiB: the most in use on one device, where it tells.",
    ]
    return Table(f"{devices} x {machine()}", header, cells, notes)


def _decoders(known: argparse.Namespace) -> None:
    from ila_jax.benchmark import decoders

    if "decord" not in decoders.readers():
        print(
            "decord is not installed and is left out: pip install 'ila-jax[benchmark]'",
            file=sys.stderr,
        )
    with cli.progress(decoders.FILES * (1 + known.rounds)) as step:
        files = []
        for name, data in decoders.videos():
            files.append((name, data))
            step("encoding")
        found = decoders.compare(files, rounds=known.rounds, step=lambda: step("decoding"))
    if known.json:
        print(json.dumps(dataclasses.asdict(found) | {"ratios": found.ratios()}, indent=2))
    else:
        print(render([_decoders_table(found, decoders.FRAMES)], markdown=False))


def _decoders_table(found: "Comparison", frames: int) -> Table:
    ratios = found.ratios()
    names = list(next(iter(ratios.values())))
    cells = [
        [file, f"{found.files[file] / 1e3:.0f}", f"{1e3 * found.seconds[file]['sequential']:.1f}"]
        + [f"{ratios[file][name]:.2f}" for name in names if name != "sequential"]
        for file in ratios
    ]
    header = ["10 s of H.264", "kB", "sequential PyAV, ms"]
    header += [f"{name} / sequential" for name in names if name != "sequential"]
    title = f"{frames} frames of each video, on one core"
    return Table(title, header, cells, ["Seconds of a core, the least of all rounds."])


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

"""Trains a recognizer.

    python -m ila_jax.train --config quickstart --workdir runs/quickstart

The folder of the run holds config.json, metrics.jsonl, quarantine.jsonl, checkpoints/ and
tensorboard/. Stop it with Ctrl-C or SIGTERM and type the same command to go on.

Before it, see whether it fits the devices, and how long it takes; here, or on a machine to come:
    python -m ila_jax.train --dry-run --config quickstart
    python -m ila_jax.train --dry-run --config k400/b16_16f --devices 8 \\
        --device-memory 32GiB --videos 240000 --rate 100

On several hosts start one process on each, in a folder that they share:
    srun python -m ila_jax.train --distributed --config … --workdir …
"""

import argparse
from collections.abc import Sequence

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.config import Override, from_config, read_config
from ila_jax.train.profiled_steps import parse_profiled_steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit status."""
    return cli.run(lambda: _train(arguments))


def _train(arguments: Sequence[str] | None) -> None:
    options, overrides = read(arguments)
    config = from_config(read_config(options.config, overrides))
    profiled = None if options.profile is None else parse_profiled_steps(options.profile)
    # After the arguments are known to be right: loading jax takes a second.
    import jax

    from ila_jax.data.synthetic import motion_pairs
    from ila_jax.job.processes import connect, is_first, wait_for_all
    from ila_jax.scoring import time_order
    from ila_jax.train.loop import train
    from ila_jax.train.start import check_run

    # Before any array is made: it would be of single precision.
    if config.model.precision == "float64":
        jax.config.update("jax_enable_x64", True)
    if options.dry_run:
        from ila_jax.train.dry_run import report

        machine = report.machine(options.devices, options.device_memory)
        speed = options.clips_per_second
        print(report.dry_run(config, machine, videos=options.videos, clips_per_second=speed))
        return
    if cli.several_hosts(options):
        connect(options.coordinator, options.processes, options.process_id)
    check_run(options.workdir, config)  # before hours of drawing videos, and of training
    use_compilation_cache(no_cache=options.no_cache, speaks=is_first())
    if is_first():
        motion_pairs.ensure(config.data)
    wait_for_all("the data")
    finished = train(config, options.workdir, profiled)
    if finished and config.evaluation.time_order:
        accuracies = time_order.measure(options.workdir, config)
        if is_first():
            print(accuracies)


def read(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[Override]]:
    """The arguments, checked for what does not go together, and the values to change in the config.

    The launchers in tools/ check by it what they pass on.
    """
    parser = _parser()
    options, overrides = cli.parse_overrides(parser, arguments)
    if options.dry_run and cli.several_hosts(options):
        parser.error("--dry-run runs in one process: plan for several hosts by --devices")
    planned = (options.devices, options.device_memory, options.videos, options.clips_per_second)
    if not options.dry_run and any(value is not None for value in planned):
        parser.error("--devices, --device-memory, --videos and --rate belong to --dry-run")
    if not options.dry_run and options.workdir is None:
        parser.error("--workdir is missing: the folder of the run")
    return options, overrides


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("train", __doc__)
    cli.add_config(parser)
    parser.add_argument("--workdir", type=cli.some_path, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--profile",
        metavar="STEPS",
        help="trace so many steps into DIR/profile, or steps FIRST:LAST; xprof, TensorBoard and "
        "Perfetto show it",
    )
    dry = parser.add_argument_group("dry run")
    dry.add_argument(
        "--dry-run",
        action="store_true",
        help="train nothing and make nothing: say whether it fits the devices and what would",
    )
    dry.add_argument("--devices", type=int, metavar="N", help="plan for so many that are not here")
    cli.add_device_memory(dry)
    dry.add_argument("--videos", type=int, metavar="N", help="to train on, if they are not here")
    dry.add_argument(
        "--rate",
        dest="clips_per_second",
        type=float,
        metavar="CLIPS_PER_S",
        help="to say how long it takes",
    )
    cli.add_no_cache(parser)
    cli.add_several_hosts(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

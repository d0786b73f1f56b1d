"""Trains a recognizer.

    python -m ila_jax.train --config configs/quickstart.py --workdir runs/quickstart

The folder of the run holds config.json, metrics.jsonl, quarantine.jsonl, checkpoints/ and
tensorboard/. Stop it with Ctrl-C or SIGTERM and type the same command to go on.

On several hosts start one process on each, in a folder that they share:
    srun python -m ila_jax.train --distributed --config … --workdir …
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ila_jax import cli


def main(arguments: Sequence[str] | None = None) -> int:
    return cli.run(lambda: _train(arguments))


def _train(arguments: Sequence[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_config(parser)
    parser.add_argument(
        "--workdir", required=True, type=Path, metavar="DIR", help="folder of the run"
    )
    several = parser.add_argument_group("several hosts")
    several.add_argument(
        "--distributed",
        action="store_true",
        help="join the processes that Slurm, Open MPI or an indexed Kubernetes job started",
    )
    several.add_argument("--coordinator", metavar="HOST:PORT", help="of process 0, where none did")
    several.add_argument("--processes", type=int, metavar="N", help="how many there are")
    several.add_argument("--process-id", type=int, metavar="I", help="which this is, from 0")
    known, config = cli.parse(parser, arguments)
    # After the arguments are known to be right: loading jax takes a second.
    import jax

    from ila_jax.data import synthetic
    from ila_jax.evaluation import time_order
    from ila_jax.train.loop import train
    from ila_jax.train.processes import connect, is_first, wait_for_all

    if config.model.precision == "float64":
        jax.config.update("jax_enable_x64", True)
    if known.distributed or known.coordinator:
        connect(known.coordinator, known.processes, known.process_id)
    if is_first():
        synthetic.ensure(config.data)
    wait_for_all("the data")
    finished = train(config, known.workdir)
    if finished and config.evaluation.time_order:
        found = time_order.measure(known.workdir, config)
        if is_first():
            print(found)


if __name__ == "__main__":
    sys.exit(main())

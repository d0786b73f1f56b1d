"""Trains a recognizer.

    python -m ila_jax.train --config configs/quickstart.py --workdir runs/quickstart

The folder of the run holds config.json, metrics.jsonl, quarantine.jsonl, checkpoints/ and
tensorboard/. Stop it with Ctrl-C or SIGTERM and type the same command to go on.
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
    known, config = cli.parse(parser, arguments)
    # After the arguments are known to be right: loading jax takes a second.
    import jax

    from ila_jax.data import synthetic
    from ila_jax.evaluation import time_order
    from ila_jax.train.loop import train

    if config.model.precision == "float64":
        jax.config.update("jax_enable_x64", True)
    synthetic.ensure(config.data)
    finished = train(config, known.workdir)
    if finished and config.evaluation.time_order:
        print(time_order.measure(known.workdir, config))


if __name__ == "__main__":
    sys.exit(main())

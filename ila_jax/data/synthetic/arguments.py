"""The arguments that both drawn data sets take."""

import argparse


def add_drawing(parser: argparse.ArgumentParser) -> None:
    """Adds --seed and --processes: what is drawn, and by how many."""
    add = parser.add_argument
    add("--seed", type=int, default=0, metavar="S",
        help="same seed, same videos (default: %(default)s)")  # fmt: skip
    add("--processes", type=int, default=2, metavar="P",
        help="that draw at the same time (default: %(default)s)")  # fmt: skip

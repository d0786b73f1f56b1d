"""The arguments of a split, for every command that makes one."""

import argparse
import os


def add_split(parser: argparse.ArgumentParser) -> None:
    """Adds VIDEOS and how they are split: what `read_own_videos` and `SplitSettings` take."""
    parser.add_argument("videos", metavar="VIDEOS", help="folder or list of your videos")
    add = parser.add_argument_group("videos").add_argument
    add("--validation", type=float, default=0.2, metavar="SHARE",
        help="of the clips (default: %(default)s)")  # fmt: skip
    add("--test", type=float, default=0.0, metavar="SHARE",
        help="for a last look, when all is decided (default: none)")  # fmt: skip
    add("--seed", type=int, default=0, metavar="N",
        help="of all that is drawn (default: %(default)s)")  # fmt: skip
    add("--root", default="", metavar="DIR",
        help="where relative paths of a list start (default: the list's folder)")  # fmt: skip
    add("--merge-labels", action="store_true",
        help="labels that differ only in case and blanks are one class")  # fmt: skip
    add("--processes", type=int, default=os.cpu_count() or 1, metavar="P",
        help="that look into videos (default: one a core, here %(default)s)")  # fmt: skip

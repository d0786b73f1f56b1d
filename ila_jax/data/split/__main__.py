"""Splits your own videos into training and validation, so that the accuracy can be trusted.

    python -m ila_jax.data.split clips --out split.csv
    python -m ila_jax.data.split list.csv --out split.csv --validation 0.15 --test 0.15 --seed 1

VIDEOS is a folder with a folder for each class, or a list (CSV: commas, semicolons or tabs) with
the columns file and label; several labels of a clip stand in one cell, with ; between them. Its
columns `group` (clips of one source video, person, camera, …) and `split` are kept to.

Clips stay on one side that are of one group; that were cut from one source video, as names such as
scene012_3.mp4, v_Archery_g01_c02.avi or P01_105_10_20.mp4 tell; whose files are the same; and that
look alike: encoded anew, cropped a little, or cut at other times. For this every video is looked
into. What cannot be read is left out, with the reason. Each class gets its share on each side as
far as that allows, and what is not possible is said.

The split is a table, file,label,split,group,reason, that you may edit. Called again, the command
reads it, checks it and changes nothing (--again makes it anew). Stopped, it goes on where it was.
Train on it by --config.data.train=split:split.csv@train
and --config.data.validation=split:split.csv@validation
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.data.split.arguments import add_split
from ila_jax.files.writable import check_file

if TYPE_CHECKING:
    from ila_jax.data.split.splitting import Split, SplitSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.processes < 1 or args.time_limit <= 0:
        parser.error("--processes and --time-limit are positive")
    return cli.run(lambda: _run(args))


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("data.split", __doc__)
    add_split(parser)
    add = parser.add_argument
    add("--out", type=cli.some_path, required=True, metavar="FILE",
        help="the split to write, or to check if it is there")  # fmt: skip
    add("--again", action="store_true", help="make it anew where it is there; edits are lost")
    add("--ignore-names", action="store_true",
        help="names of files do not tell which clips are of one source video")  # fmt: skip
    add("--no-likeness", action="store_true",
        help="do not look into the videos: quick, and near-duplicates are not found")  # fmt: skip
    add("--cache", type=cli.some_path, metavar="FILE",
        help="keeps what was seen of the videos (default: beside the split)")  # fmt: skip
    add("--time-limit", type=float, default=60.0, metavar="SECONDS",
        help="for reading one video (default: %(default)g)")  # fmt: skip
    return parser


def _run(args: argparse.Namespace) -> None:
    # Here, since the help needs none of it.
    from ila_jax.data.sources.own_videos import read_own_videos
    from ila_jax.data.sources.split_file import write_split
    from ila_jax.data.split.splitting import existing_split, split_videos

    settings = _settings(args)
    check_file(args.out)
    videos = read_own_videos(args.videos, root=args.root, merge_labels=args.merge_labels)
    if args.out.exists() and not args.again:
        print(f"{args.out} is there: it is checked, and left as it is")
        print(described(existing_split(args.out, videos)))
        return
    cache = args.cache or args.out.with_name(f"{args.out.name}.strips")
    split = split_videos(videos, settings, cache=cache)
    write_split(args.out, split.videos)
    print(described(split))
    # No root: the paths in the file start from its own folder.
    print(f"\nwritten to {args.out}; train on it by\n  --config.data.root= "
          f"--config.data.train=split:{args.out}@train "
          f"--config.data.validation=split:{args.out}@validation")  # fmt: skip


def _settings(args: argparse.Namespace) -> "SplitSettings":
    from ila_jax.data.split.splitting import SplitSettings

    settings = SplitSettings(
        validation=args.validation,
        test=args.test,
        seed=args.seed,
        by_name=not args.ignore_names,
        by_likeness=not args.no_likeness,
        processes=args.processes,
        time_limit=args.time_limit,
    )
    settings.fractions()  # which says what is wrong with them
    return settings


def described(split: "Split") -> str:
    """A split for people: a table, then notes and warnings."""
    from ila_jax.data.split.findings import table
    from ila_jax.tables import render

    videos = split.videos
    lines = [render([table(videos.clips, videos.class_names)], markdown=False)]
    for title, items in (("notes", split.notes), ("warnings", split.warnings)):
        if items:
            lines += ["", f"{title}:", *(f"  {item}" for item in items)]
    return "\n".join(lines)


if __name__ == "__main__":
    cli.leave(main())

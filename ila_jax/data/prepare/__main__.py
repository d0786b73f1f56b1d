"""Prepares a data set for training: small videos with frequent key frames, in ArrayRecord shards.

python -m ila_jax.data.prepare --from WHERE --split train --to DIR
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.prepare.encoding import PRESETS, Encoding
from ila_jax.data.sources.kinds import SOURCE_KINDS, add_list
from ila_jax.data.sources.prepared_layout import QUARANTINE
from ila_jax.data.sources.tfds_package import require_tfds
from ila_jax.files.publish import is_local
from ila_jax.files.stores import require_store
from ila_jax.files.writable import check_writable

if TYPE_CHECKING:
    from ila_jax.data.sources.source import OpenedSplit

_DESCRIPTION = """\
Encodes every video of a data set anew, with a short side of 256 pixels and a key frame every 12
frames (H.264, no sound), and packs them into ArrayRecord shards, from which training reads several
times as fast. Stopped in any way, the same command goes on where it was."""
_EPILOG = f"""\
WHERE is one of
{SOURCE_KINDS}

examples:
  # Kinetics-400; then the same for --split validation
  python -m ila_jax.data.prepare --from k400/train.csv --root k400/train --split train \\
      --to prepared/k400
  # both splits of a configuration
  python -m ila_jax.data.prepare --config ssv2/b16_8f --to prepared/ssv2 \\
      --config.data.train=ssv2/train.json --config.data.validation=ssv2/validation.json \\
      --config.data.root=ssv2/videos --config.data.class_names=ssv2/labels.json
  # train from it
  python -m ila_jax.train --config k400/b16_8f --workdir runs/mine \\
      --config.data.train=prepared:prepared/k400@train --config.data.class_names=None \\
      --config.data.validation=prepared:prepared/k400@validation
  # on a cluster, with Apache Beam; what follows --beam goes to it
  python -m ila_jax.data.prepare --from /mnt/k400/train.csv --root /mnt/k400/train --split train \\
      --to gs://bucket/k400 --beam --runner=FlinkRunner --flink_master=host:8081
  # are all files as they were written?
  python -m ila_jax.data.prepare --verify prepared/k400

DIR then is a TFDS data set, tfds.builder_from_directory(DIR), with checksums.sha256 and a list of
the videos that could not be read, {QUARANTINE}."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command. Errors: ValueError, OSError or RuntimeError, in words."""
    parser = _parser()
    # What is left over may be --config.KEY=VALUE, or is found wrong when the source is opened.
    args = parser.parse_known_args(arguments)[0]
    if not args.verify and not args.to:
        parser.error("name the folder to make: --to DIR")
    # Here, as what is imported below, since the help needs none of it.
    require_tfds("data.prepare")
    if args.verify:
        from ila_jax.data.prepare.preparation import check_checksums

        return check_checksums(args.verify)
    # What can fail at once does, before the lists of the source are read.
    require_store(args.to)
    if is_local(args.to):
        check_writable(Path(args.to))
    encoding = Encoding(
        short_side=args.short_side, key_frames=args.key_frames, crf=args.crf, preset=args.preset
    )
    from ila_jax.data.prepare import on_beam
    from ila_jax.data.prepare.preparation import prepare

    if args.beam is not None:
        on_beam.require()
    return prepare(_open(parser, arguments), encoding, args)


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("data.prepare", _DESCRIPTION, epilog=_EPILOG)
    source = parser.add_argument_group("what to prepare")
    add = source.add_argument
    add("--from", dest="where", metavar="WHERE", help="annotations or folder of one split")
    add("--split", default="train", help="what this split is called (default: %(default)s)")
    add_list(source)
    add("--config", metavar="NAME", help="instead of all these: both splits of a configuration "
        "(k400/b16_8f, … or a file); "
        "--config.data.KEY=VALUE changes it")  # fmt: skip
    target = parser.add_argument_group("what to make")
    add = target.add_argument
    add("--to", metavar="DIR", help="folder to make or to go on with: local, gs://… or s3://…")
    add("--short-side", type=int, default=256, metavar="PIXELS",
        help="smaller videos are not enlarged (default: %(default)s)")  # fmt: skip
    add("--key-frames", type=int, default=12, metavar="N",
        help="a key frame every N frames (default: %(default)s)")  # fmt: skip
    add("--crf", type=int, default=23, metavar="Q",
        help="x264's quality, 0 to 51, lower is better (default: %(default)s)")  # fmt: skip
    add("--preset", choices=PRESETS, default="veryfast", metavar="NAME",
        help="x264's speed (default: %(default)s)")  # fmt: skip
    add("--clips-per-shard", type=int, default=256, metavar="N",
        help="a stop loses less than one shard of each process (default: %(default)s)")  # fmt: skip
    work = parser.add_argument_group("how to work")
    add = work.add_argument
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    add("--processes", type=_positive, default=cores, metavar="P",
        help="files do not depend on it (default: one a core, here %(default)s)")  # fmt: skip
    add("--time-limit", type=float, default=300.0, metavar="SECONDS",
        help="for one video, then it counts as bad (default: %(default)s)")  # fmt: skip
    add("--max-bad-fraction", type=float, default=0.05, metavar="F",
        help="stop when more of a split cannot be read (default: %(default)s)")  # fmt: skip
    add("--sample", type=int, default=16, metavar="N",
        help="videos to try for the estimate; 0: none (default: %(default)s)")  # fmt: skip
    add("--beam", nargs=argparse.REMAINDER, metavar="OPTION",
        help="work on Apache Beam (pip install 'ila-jax[beam]'), with its options")  # fmt: skip
    add("--verify", metavar="DIR", help="only check the files of DIR against their checksums")
    return parser


def _positive(text: str) -> int:
    """The value of an argument. Errors: ArgumentTypeError for less than 1; ValueError."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return value


def _open(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> "dict[str, OpenedSplit]":
    """The splits that the arguments name."""
    from etils import epath

    from ila_jax.data.prepare.agreement import begun_class_names
    from ila_jax.data.sources.opening import open_config, open_source

    args, rest = parser.parse_known_args(arguments)
    if args.config and not args.where:
        splits = open_config(cli.parse(parser, arguments)[1])
        return {"train": splits.train, "validation": splits.validation}
    if rest:
        parser.error(f"unknown argument {rest[0]}")
    if not args.where or args.config:
        parser.error("name what to prepare, either by --from WHERE or by --config FILE")
    # A folder numbers the classes of all its splits alike: as the first of them did.
    begun = begun_class_names(epath.Path(args.to))
    names = read_class_names(args.class_names) if args.class_names else begun
    return {args.split: open_source(args.where, root=args.root, class_names=names)}


if __name__ == "__main__":
    cli.leave(cli.run(main))

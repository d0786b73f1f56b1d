"""Checks a data set without training: preflight.

    python -m ila_jax.data.check --config k400/b16_8f --config.data.root=/videos/k400
    python -m ila_jax.data.check --train videos/train --validation videos/val
    python -m ila_jax.data.check --train train.csv --validation validate.csv --root /videos --json

It looks for missing, empty and repeated files, for videos that are in both splits (leaks), for
classes without clips and labels out of range; decodes a sample of each split, each video with a
time limit; and prints a fingerprint by which two machines can tell that they have the same data.
The exit code is 0 only if training could start. Nothing is changed.

A data set is named by one of
"""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ila_jax import cli
from ila_jax.data.sources.kinds import SOURCE_KINDS, add_list
from ila_jax.files.json_files import json_text

if TYPE_CHECKING:
    from ila_jax.data.check.findings import CheckSettings, Findings
    from ila_jax.data.sources.opening import Splits


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    return cli.run(lambda: _check(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("data.check", f"{__doc__}{SOURCE_KINDS}")
    parser.add_argument(
        "--config",
        metavar="NAME",
        help="check the data of this configuration (quickstart, k400/b16_8f, … or a file), and "
        "that they fit it; change a value by "
        "--config.KEY=VALUE",
    )
    parser.add_argument("--train", metavar="WHERE", help="training videos, instead of a --config")
    parser.add_argument("--validation", metavar="WHERE", help="validation videos")
    add_list(parser)
    parser.add_argument("--mirror", metavar="FILE", help="JSON, what classes become when flipped")
    parser.add_argument(
        "--sample", type=int, default=200, metavar="N", help="videos to decode of each split (200)"
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="time limit for decoding one video (60)"
    )
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="decoding at once (all cores)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON instead of a table, with all names in full"
    )
    return parser


def _check(arguments: Sequence[str] | None) -> None:
    parser = _parser()
    # What is left over may be --config.KEY=VALUE.
    args, rest = parser.parse_known_args(arguments)
    if (args.config is None) == (args.train is None and args.validation is None):
        parser.error("give either --config, or --train and --validation")
    if min(args.sample, args.processes - 1) < 0 or args.seconds <= 0:
        parser.error("--sample is 0 or more, --seconds and --processes are positive")
    # After the arguments are parsed, whose help needs none of it.
    from ila_jax.data.check.findings import Findings

    try:
        findings = _findings(parser, args, rest, arguments)
    except (ValueError, OSError) as error:
        if not args.json:
            raise
        # Who reads JSON gets it also for data that cannot be opened at all.
        findings = Findings(errors=[str(error)])
    print(json_text(findings.to_dict(), indent=2).rstrip() if args.json else table(findings))
    # After they are printed: this is the last line on stderr, and makes the exit code 1.
    if findings.errors:
        raise RuntimeError("training could not start with these data")


def _findings(
    parser: argparse.ArgumentParser,
    args: argparse.Namespace,
    rest: Sequence[str],
    arguments: Sequence[str] | None,
) -> "Findings":
    """Checks the data set that the arguments name."""
    from ila_jax.data.check.findings import CheckSettings
    from ila_jax.data.sources.opening import open_config, open_splits

    settings: dict[str, Any] = {
        "sample": args.sample, "seconds": args.seconds, "processes": args.processes
    }  # fmt: skip
    if args.config is None:
        if rest:
            parser.error(f"unknown argument {rest[0]}")
        if args.train is None or args.validation is None:
            parser.error("--train and --validation go together")
        splits = open_splits(
            args.train, args.validation, root=args.root, class_names=args.class_names
        )
        return _check_splits(splits, args.mirror, CheckSettings(**settings))
    # What a run would put up with is the configuration's; without one, the usual values are.
    _, config = cli.parse(parser, arguments)
    data = config.data
    settings |= {"bad_fraction": data.max_bad_fraction, "replaces": data.on_bad_video == "replace"}
    settings["square_pixels"] = data.square_pixels
    return _check_splits(open_config(config), data.mirror, CheckSettings(**settings))


def _check_splits(splits: "Splits", mirror: str | None, settings: "CheckSettings") -> "Findings":
    from ila_jax.data.check.preflight import check
    from ila_jax.data.sources.mirror import mirrors

    return check(splits, mirrors(splits.class_names, mirror), settings)


# Rows of the table: what it is called, and the key in `Findings.splits`.
_ROWS = {
    "videos": "videos", "classes": "classes", "clips per class": "clips_per_class",
    "missing files": "missing_files", "empty files": "empty_files", "bytes in all": "bytes_in_all",
    "bytes": "bytes", "decoded": "decoded", "of these unreadable": "unreadable",
    "pixels not square": "not_square",
    "frames": "frames", "seconds": "seconds", "width": "width", "height": "height",
    "fingerprint": "fingerprint",
}  # fmt: skip


def table(findings: "Findings") -> str:
    """The findings for people: a table of the splits, then flips, warnings and errors."""
    lines = []
    if findings.splits:
        lines.append(f"{'':20}" + "".join(f"{name:>28}" for name in findings.splits))
    for title, key in _ROWS.items():
        cells = [_cell(facts[key]) for facts in findings.splits.values()]
        if any(cells):  # nothing is said of pixels where all are square
            lines.append(f"{title:20}" + "".join(f"{cell:>28}" for cell in cells))
    lines += ["", *findings.flips] if findings.flips else []
    for title, items in (("warnings", findings.warnings), ("errors", findings.errors)):
        if items:
            lines += ["", f"{title}:", *(f"  {item}" for item in items)]
    end = "Training could not start." if findings.errors else "Training could start."
    return "\n".join([*lines, "", end])


def _cell(value: Any) -> str:
    """A fact as a cell of the table: smallest / middle / largest of a spread, of a list how many.

    What is not args is "".
    """
    if isinstance(value, dict) and value.keys() == {"min", "median", "max"}:
        return " / ".join(_cell(value[k]) for k in ("min", "median", "max"))
    if isinstance(value, dict | list):
        return f"{len(value):,}"
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


if __name__ == "__main__":
    cli.leave(main())

"""python -m ila_jax.complexity: what the temporal models cost, and how that grows."""

import argparse
import dataclasses
import json
from typing import get_args

from ila_jax import cli
from ila_jax.config import Precision
from ila_jax.cost import figure
from ila_jax.cost.countings import AXES, METHODS, Setting
from ila_jax.sizes import SIZES
from ila_jax.tables import render

_HELP = """\
Compares the cost of the temporal models, as the ILA paper's Table 2 does: complexity, parameters,
multiply-accumulates by formula and counted in the traced program, and the paper's figures beside
them. That takes seconds and computes nothing; --measure also compiles and runs every model.

  the paper's table, B/32 with 8 frames and 400 classes:
    python -m ila_jax.complexity
  another size, as Markdown:
    python -m ila_jax.complexity --size L/14 --frames 16 --markdown
  with latency, memory and XLA's own count, on this machine:
    python -m ila_jax.complexity --measure --methods spatial,xclip,ila
  the paper's accuracy against cost:
    python -m ila_jax.complexity --figure cost.png
  how time and memory grow, with ATA's matching serial and in a batch, and ILA's alignment:
    python -m ila_jax.complexity --sweep frames --figure growth.png
    python -m ila_jax.complexity --sweep resolution --size B/32 --values 128,224,288
"""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command. Errors: ValueError."""
    options = _parser().parse_args(arguments)
    methods = cli.chosen("--methods", options.methods, METHODS, default=list(METHODS))
    if options.repeats < 1:
        raise ValueError(f"--repeats is {options.repeats}: expected at least 1")
    # None of the options is ignored: where two do not go together, that is said.
    if options.values and not options.sweep:
        raise ValueError("--values goes with --sweep: say of what they are")
    if options.measure and options.sweep:
        raise ValueError("--measure is of the table, and --sweep measures already: give one")
    # What the figure needs is asked for before the measuring, which can take minutes.
    if options.figure is not None:
        figure.check(options.figure)
    (_sweep if options.sweep else _table)(options, methods)


def _table(options: argparse.Namespace, methods: list[str]) -> None:
    """Prints what each method costs, and draws it if asked to."""
    setting = _setting(options, "B/32")
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.cost import report, table

    repeats = options.repeats if options.measure else None
    # Row by row, so that the bar moves: with --measure, each takes seconds to minutes.
    rows = []
    with cli.progress(len(methods)) as step:
        for key in methods:
            rows.append(table.row(setting, key, repeats=repeats))
            step(METHODS[key].title)
    if options.figure is not None:
        figure.draw_costs(rows, options.figure)
    if options.json:
        print(json.dumps(table.as_json(setting, rows), indent=2))
    else:
        print(render(report.cost_tables(setting, rows), markdown=options.markdown))


def _sweep(options: argparse.Namespace, methods: list[str]) -> None:
    """Measures how the costs grow along one axis, prints it, and draws it if asked to."""
    # Tiny by default: every method is compiled and run at every value.
    setting, chosen_values = _setting(options, "tiny"), _values(options.values)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.cost import growth, report

    values = chosen_values or growth.DEFAULT_VALUES[options.sweep]
    with cli.progress(growth.steps(methods, values)) as step:
        measurements = growth.sweep(
            setting, options.sweep, values, methods, repeats=options.repeats, step=step
        )
    if options.figure is not None:
        figure.draw_growth(measurements, options.figure)
    if options.json:
        print(json.dumps(growth.as_json(measurements), indent=2))
    else:
        print(render([report.growth_table(measurements)], markdown=options.markdown))


def _setting(options: argparse.Namespace, size: str) -> Setting:
    """What is counted and measured. size: the default. Errors: ValueError for an unknown size."""
    name = options.size or size
    if name not in SIZES:
        raise ValueError(f"size {name!r} is unknown: expected one of {', '.join(SIZES)}")
    setting = Setting(
        size=name,
        frames=options.frames,
        classes=options.classes,
        resolution=options.resolution,
        precision=options.precision,
    )
    # ILA's interactive features are no wider than half a token: 32 at the tiny size.
    return dataclasses.replace(setting, channels=min(setting.channels, SIZES[name].width // 2))


def _values(text: str | None) -> list[int] | None:
    """The numbers of --values; None for the default ones.

    Errors: ValueError for what is no list of two or more growing numbers.
    """
    if text is None:
        return None
    try:
        values = [int(value) for value in text.split(",")]
    except ValueError:
        values = []
    # An exponent of growth needs two points, and curves are drawn from left to right.
    if len(values) < 2 or sorted(set(values)) != values or values[0] < 1:
        raise ValueError(f"--values {text}: expected two or more growing numbers, such as 4,8,16")
    return values


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("complexity", _HELP)
    add = parser.add_argument
    add("--size", help=f"{', '.join(SIZES)} (default: B/32; tiny with --sweep)")
    add("--frames", type=int, default=8, metavar="T", help="frames of a clip (default: 8)")
    add("--classes", type=int, default=400, metavar="K", help="classes (default: 400)")
    add("--resolution", type=int, metavar="PIXELS", help="of a frame (default: the size's)")
    add("--methods", metavar="A,B", help=f"some of {', '.join(METHODS)} (default: all)")
    add(
        "--measure",
        action="store_true",
        help="also latency, memory and XLA's count on this machine: compiles and runs each model",
    )
    add("--repeats", type=int, default=5, metavar="N", help="measured calls (default: 5)")
    add("--precision", choices=get_args(Precision), default="float32", help="of measured models")
    add("--sweep", choices=AXES, help="measure growth along frames or resolution instead")
    add("--values", metavar="A,B,C", help="of the sweep (default: small ones for the tiny size)")
    cli.add_table_form(parser, json="as JSON, keys in docs/explanation/complexity.md")
    add("--figure", type=cli.some_path, metavar="FILE", help=".png, .svg or .pdf; needs matplotlib")
    return parser


if __name__ == "__main__":
    cli.leave(cli.run(main))

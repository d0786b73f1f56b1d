"""python -m tools.gpu_report: ila_jax on this machine's device, beside the same in PyTorch."""

import argparse
import dataclasses
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ila_jax.tables import render
from tools.gpu_report.child import Child, Children
from tools.gpu_report.rows import KINDS, LOADS, Row, planned
from tools.gpu_report.tables import tables

_HELP = """\
Measures, from a clone, on the first device of this machine: the rate of a large matrix product;
then of each size the training step as `python -m ila_jax.train` compiles it and the forward pass as
`python -m ila_jax.evaluate` does, in clips a second, with memory, compilation and the plan of
--dry-run, beside the same model in plain PyTorch; and the parts of a block one by one.

  L/14 and B/32, in under 8 minutes on an H100 or H200 with 16 cores:
    python -m tools.gpu_report --output report.json
  the other sizes, after it:
    python -m tools.gpu_report --sizes B/16 L/14@336 --output others.json
  one size at another batch, training alone:
    python -m tools.gpu_report --sizes L/14 --batch 8 --remat none --kinds rate train torch-train
  on a CPU: five rounds in which they take turns, minutes each:
    python -m tools.gpu_report --sizes B/32 --batch 4 --dtype float32 --ahead 0 --remat none \\
        --kinds rate train torch-train infer torch-infer torch-compiled --rounds 5 --steps 3 \\
        --no-profile --budget 7200 --limit 900 --output cpu.json

Each row is a process of its own, so that PyTorch and jax never share the device's memory. The file
is written after every number: what stops the report loses nothing. A row that fails or takes too
long is named with the reason, and the next one follows.
"""


def main(arguments: list[str] | None = None) -> None:
    """Measures all rows, and prints their tables."""
    options = _parser().parse_args(arguments)
    report = _Report(options.output, sys.argv[1:])
    rows = planned(
        options.sizes, options.kinds, frames=options.frames, batch=options.batch,
        dtype=options.dtype, remat=options.remat, steps=options.steps, profile=options.profile,
        rounds=options.rounds,
    )  # fmt: skip
    children = Children(
        rows,
        ahead=options.ahead,
        limit=options.limit,
        budget=options.budget,
        changed=lambda: report.write(children),
        done=report.say,
    )
    try:
        children.run()
    finally:
        report.write(children)
        print(
            "\n" + render(tables(report.rows(children), report.machine(children)), markdown=False)
        )


class _Report:
    """The file of a report, and what is printed while it grows."""

    def __init__(self, path: Path | None, command: list[str]):
        self._path, self._command = path, command
        self._begin = time.monotonic()
        self._writing = threading.Lock()

    def rows(self, children: Children) -> list[dict[str, Any]]:
        """Every row with what it has told, and those for which there was no time."""
        told = [_named(child.row) | child.entries for child in list(children.children)]
        return told + [_named(row) | {"error": "left out: no time"} for row in children.left_out]

    def machine(self, children: Children) -> str:
        """The device and the versions, as far as they are told."""
        told: dict[str, Any] = {}
        for child in list(children.children):
            told |= child.entries
        versions = [f"{name} {told[name]}" for name in ("jax", "torch") if name in told]
        return ", ".join([str(told.get("device", "unknown device")), *versions])

    def write(self, children: Children) -> None:
        """Puts all that is known into the file, at once: a reader never sees half of it."""
        if self._path is None:
            return
        with self._writing:
            whole = {
                "command": self._command,
                "machine": self.machine(children),
                "seconds": time.monotonic() - self._begin,
                "rows": self.rows(children),
            }
            partly = self._path.with_name(self._path.name + ".partly")
            partly.write_text(json.dumps(whole, indent=1) + "\n")
            os.replace(partly, self._path)

    def say(self, child: Child, seconds: float) -> None:
        """One line of a finished row."""
        told = child.entries
        values = [
            f"{label} {told[name]:.4g}"
            for name, label in _SAID.items()
            if isinstance(told.get(name), float)
        ]
        values += [f"{len(told['parts'])} parts"] if "parts" in told else []
        values += [told["error"].splitlines()[0][:200]] if told.get("error") else []
        at = time.monotonic() - self._begin
        print(f"{at:6.1f} s  {child.row.name} ({seconds:.0f} s): {', '.join(values)}", flush=True)


_SAID = {
    "matmul_flops": "matrix product, FLOP/s",
    "clips_per_second": "clips/s",
    "step_ms": "ms",
    "peak_gib": "GiB",
    "tracing_s": "traced in s",
    "compile_s": "compiled in s",
}


def _named(row: Row) -> dict[str, Any]:
    return {"name": row.name} | dataclasses.asdict(row)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.gpu_report",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sizes = ["L/14", "B/32"]
    cores = os.cpu_count() or 1
    many = cores if cores >= 8 else 0
    add = parser.add_argument
    add(
        "--sizes",
        nargs="+",
        default=sizes,
        choices=list(LOADS),
        metavar="SIZE",
        help=f"of {', '.join(LOADS)}; the first two come first (default: {' '.join(sizes)})",
    )
    add(
        "--kinds",
        nargs="+",
        default=list(KINDS),
        choices=KINDS,
        metavar="KIND",
        help=f"rows to measure, of {', '.join(KINDS)} (default: all)",
    )
    add("--frames", type=_positive, default=8, metavar="T", help="of a clip (default: 8)")
    add(
        "--batch",
        type=_positive,
        metavar="N",
        help="clips at a time, a multiple of 2 (default: what fills 80 GB, by size)",
    )
    add("--dtype", default="bfloat16", choices=["bfloat16", "float32"], help="(default: bfloat16)")
    add(
        "--remat",
        choices=["none", "dots", "block"],
        help="of the training step (default: by size; PyTorch keeps everything)",
    )
    add(
        "--steps",
        type=_positive,
        default=7,
        metavar="N",
        help="samples, of which the median is taken (default: 7)",
    )
    add(
        "--rounds",
        type=_positive,
        default=1,
        metavar="N",
        help="times that all models are measured, PyTorch and ila_jax in turn; the table has the "
        "medians (default: 1)",
    )
    add(
        "--no-profile",
        dest="profile",
        action="store_false",
        help="do not trace a step to take its time apart by named scopes",
    )
    add(
        "--ahead",
        type=int,
        default=many,
        metavar="N",
        help="rows that trace and compile beside one, before any of them is measured: not as fast "
        "as one alone (default: as many as there are cores, from 8 on, else 0)",
    )
    add("--budget", type=float, default=440.0, metavar="S", help="seconds of all (default: 440)")
    add("--limit", type=float, default=300.0, metavar="S", help="of one row (default: 300)")
    add("--output", type=Path, metavar="FILE.json", help="all numbers, written after each of them")
    return parser  # fmt: skip


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


if __name__ == "__main__":
    # As Ctrl-C: the rows' processes are ended, and what was measured is printed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main()

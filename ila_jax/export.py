"""python -m ila_jax.export: a model as a program that needs only jax, or only onnxruntime."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ila_jax import cli
from ila_jax.data.class_names.classes import add_classes
from ila_jax.weights.destinations import check_exportable

_HELP = """\
Writes a model as a StableHLO program (jax.export), for any number of clips at a time, with a loader
of a few lines that needs jax and flatbuffers and nothing of this package, and a model card; or as
an ONNX program, which needs onnxruntime alone. Pixels go in as uint8, normalisation is inside. It
is compared with the model before the folder appears.

  the weights in a file of their own:
    python -m ila_jax.export runs/quickstart --output exported/quickstart
  one file with everything:
    python -m ila_jax.export runs/quickstart --output exported/quickstart --weights inside
  a text head with the classes that it shall tell apart from now on:
    python -m ila_jax.export weights/ila --output exported/waving --classes 'waving,doing nothing'
  for onnxruntime (pip install 'ila-jax[onnx]'):
    python -m ila_jax.export runs/quickstart --output exported/onnx --format onnx
  then, anywhere, a StableHLO program:
    pip install jax flatbuffers
    cd exported/quickstart && python -c 'from load import load; print(load())'
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _export(arguments))


def _export(arguments: Sequence[str] | None) -> None:
    options = _parser().parse_args(arguments)
    target: Path = options.output
    # Before the model is loaded: where the folder cannot be made, that is said at once.
    check_exportable(target, options.format)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.answers.loading import load_with_classes
    from ila_jax.weights import onnx_program, stablehlo

    # The classes' features are stored in place of the text tower: from then on they are fixed.
    model = load_with_classes(options.checkpoint, options.classes)
    print("exporting and comparing", file=sys.stderr)
    write = onnx_program.write if options.format == "onnx" else stablehlo.write
    parity = write(model, target, weights=options.weights, name=options.checkpoint)
    size = sum(path.stat().st_size for path in target.iterdir())
    print(f"compared: {parity}\nwrote     {target}: {size / 1e6:.1f} MB; {target}/README.md")


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("export", _HELP)
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add("--output", type=cli.some_path, required=True, metavar="DIR", help="folder to be made")
    add(
        "--weights",
        choices=["beside", "inside"],
        default="beside",
        help="where: in a file beside the program (default), or inside it, up to 2 GB",
    )
    add(
        "--format",
        choices=["stablehlo", "onnx"],
        default="stablehlo",
        help="of the program (default: stablehlo)",
    )
    add_classes(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

"""python -m ila_jax.serve: a local page that says what a model sees in a video."""

import argparse
import signal
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.data.class_names.classes import add_classes, chosen_classes
from ila_jax.serve.address import check_address

if TYPE_CHECKING:
    from ila_jax.recognizer import Recognizer
    from ila_jax.serve.desk import Desk

_HELP = """\
Opens a page on this machine, for your browser: drop a video there or take an example, and see the
most probable classes, what happens when, and what every block of the model looks at. With a second
model it shows the answers of both side by side, and where they differ. Needs gradio:
pip install 'ila-jax[demo]'.

  one model, and two to be compared:
    python -m ila_jax.serve runs/quickstart
    python -m ila_jax.serve runs/quickstart runs/other
  with videos of yours to choose from, at another port:
    python -m ila_jax.serve weights/ila --examples videos/*.mp4 --port 8000

Only this machine can see the page, unless --host names another address: then everybody who reaches
that address can upload videos. Ctrl-C ends it; uploads are deleted then.
"""
# The port that gradio takes by default, which people know.
_PORT = 7860


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command until Ctrl-C; returns its exit status."""
    return cli.run(lambda: _serve(_parser().parse_args(arguments)))


def _serve(options: argparse.Namespace) -> None:
    """Serves the page until a signal comes. Errors: ValueError, OSError."""
    _check(options)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.data.synthetic.motion import CLASSES
    from ila_jax.serve.examples import draw_examples, name_examples
    from ila_jax.serve.server import require_gradio, served

    # As Ctrl-C does: the folder of uploads goes with the page.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="ila_jax_") as folder:
        # Before the model is loaded, which takes longer, and before anything else imports gradio,
        # which reads where uploads go when it is imported.
        gradio = require_gradio(Path(folder))
        use_compilation_cache(no_cache=options.no_cache)
        desk = _desk(options)
        examples = name_examples(options.examples)
        if not examples and any(m.recognizer.class_names == CLASSES for m in desk.models):
            examples = draw_examples(Path(folder))
        with served(gradio, desk, examples, host=options.host, port=options.port) as address:
            print(f"the page is at {address} (Ctrl-C ends it)", flush=True)
            # The server has threads of its own: this one only waits for a signal.
            threading.Event().wait()


def _desk(options: argparse.Namespace) -> "Desk":
    """The models that answer, with their limits. Errors: ValueError, as `_recognizer`."""
    from ila_jax.pictures.model_view import titles
    from ila_jax.serve.desk import Desk, NamedModel, UploadLimits

    names = _checkpoints(options)
    recognizers = [_recognizer(name, options.classes) for name in names]
    limits = UploadLimits(
        megabytes=options.max_mb, minutes=options.max_minutes, seconds=options.time_limit
    )
    models = map(NamedModel, titles(names, recognizers), recognizers)
    return Desk(list(models), limits)


def _checkpoints(options: argparse.Namespace) -> list[str]:
    """The checkpoints that were named: one, or two to be compared."""
    return [options.checkpoint] + ([] if options.other is None else [options.other])


def _recognizer(checkpoint: str, classes: str | None) -> "Recognizer":
    """A model in its inference form. Errors: ValueError naming it, where it has no class names."""
    from ila_jax.weights.folder import load

    recognizer = load(checkpoint)
    try:
        if classes is not None:
            recognizer = recognizer.with_classes(chosen_classes(classes))
        recognizer.check_named()
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error
    return recognizer.for_inference()


def _check(options: argparse.Namespace) -> None:
    """Checks the arguments before anything is loaded. Errors: ValueError."""
    for name in ("max_mb", "max_minutes", "time_limit"):
        # Not `<= 0`, which is false of NaN.
        if not getattr(options, name) > 0:
            flag = name.replace("_", "-")
            raise ValueError(f"--{flag} is {getattr(options, name):g}: expected more than 0")
    if not 1 <= options.port <= 65535:
        raise ValueError(f"--port is {options.port}: expected 1 to 65535")
    # An empty address would mean every address of this machine, to everybody who reaches it.
    if not options.host:
        raise ValueError("--host is empty: expected an address, such as 127.0.0.1")
    check_address(options.host, options.port)
    if options.other == options.checkpoint:
        raise ValueError(
            f"both models are {options.other}: name two, such as another run, or {options.other}"
            "@latest"
        )
    for path in options.examples:
        if not path.is_file():
            raise ValueError(f"--examples: there is no file {path}")


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("serve", _HELP)
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add("other", nargs="?", metavar="OTHER", help="a second one, to compare the two on each video")
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1, which only this machine reaches)",
    )
    add(
        "--port",
        type=int,
        default=_PORT,
        metavar="N",
        help="port to listen on (default: %(default)s)",
    )
    add(
        "--examples",
        type=cli.some_path,
        nargs="+",
        default=[],
        metavar="VIDEO",
        help="videos to choose from on the page",
    )
    add_classes(parser)
    add("--max-mb", type=int, default=200, metavar="MB",
        help="size of the largest video that the page takes (default: 200)")  # fmt: skip
    add("--max-minutes", type=float, default=10, metavar="M",
        help="length of the longest video that the page takes (default: 10)")  # fmt: skip
    add("--time-limit", type=float, default=300, metavar="S",
        help="most seconds for all work on one video (default: 300)")  # fmt: skip
    cli.add_no_cache(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())

"""What all commands share: their arguments, and a configuration with overrides."""

import argparse
import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from ila_jax.commands import leave as leave
from ila_jax.commands import run as run
from ila_jax.config import Config, Override, config_names, from_config, read_config


def new_parser(
    command: str, text: str | None, *, epilog: str | None = None
) -> argparse.ArgumentParser:
    """A parser of `python -m ila_jax.COMMAND`, whose help has text and epilog line for line."""
    return argparse.ArgumentParser(
        prog=f"python -m ila_jax.{command}",
        description=text,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_config(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Adds --config, which `parse` reads with the overrides behind it."""
    parser.add_argument("--config", required=required, metavar="NAME", help=config_help())


def config_help() -> str:
    """The help of --config, which is the same in every command."""
    return (
        f"a configuration that comes with ila_jax ({', '.join(config_names())}), or a file with "
        "get_config(), such as mine.py; NAME:TEXT passes TEXT to it. Change a value by "
        "--config.KEY=VALUE, such as --config.train.batch=32"
    )


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Adds the argument CHECKPOINT, which is what `ila_jax.load` takes."""
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="folder of a run (its best checkpoint; DIR@latest, DIR@STEP) or of weights, or "
        "hf://OWNER/NAME of the Hugging Face hub",
    )


def add_no_cache(parser: argparse.ArgumentParser) -> None:
    """Adds --no-cache, which `use_compilation_cache` takes."""
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="compile anew; otherwise compiled programs are kept in ~/.cache/ila_jax/compiled",
    )


def add_table_form(parser: argparse.ArgumentParser, *, json: str) -> None:
    """Adds --markdown and --json, of which one may be given. json: the help of --json."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="tables as Markdown")
    form.add_argument("--json", action="store_true", help=json)


def add_device_memory(parser: "argparse._ActionsContainer") -> None:
    """Adds --device-memory, which `train.dry_run.report.machine` takes.

    parser: a parser, or a group of one.
    """
    parser.add_argument(
        "--device-memory",
        metavar="SIZE",
        help="of each device, such as 24GiB (default: what JAX says)",
    )


def some_path(text: str) -> Path:
    """A path, as the type of an argument.

    An empty one is refused: it comes from a variable that is not set, and would mean this folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found ''")
    return Path(text)


def add_several_hosts(parser: argparse.ArgumentParser) -> None:
    """Adds what `job.processes.connect` takes."""
    # Without --distributed or an address, a command is one process and starts no network.
    several = parser.add_argument_group("several hosts")
    several.add_argument(
        "--distributed",
        action="store_true",
        help="join the processes that Slurm, Open MPI or an indexed Kubernetes job started",
    )
    several.add_argument("--coordinator", metavar="HOST:PORT", help="of process 0, where none did")
    several.add_argument("--processes", type=int, metavar="N", help="how many there are")
    several.add_argument("--process-id", type=int, metavar="I", help="which this is, from 0")


def several_hosts(options: argparse.Namespace) -> bool:
    """Whether any argument of `add_several_hosts` was given.

    A number of processes without an address is not ignored: `connect` says what is missing.
    """
    given = (options.coordinator, options.processes, options.process_id)
    return options.distributed or any(value is not None for value in given)


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> tuple[argparse.Namespace, Config]:
    """Parses arguments; returns them, and the checked configuration with its overrides.

    Errors: ValueError.
    """
    options, overrides = parse_overrides(parser, arguments)
    return options, from_config(read_config(options.config, overrides))


def parse_overrides(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> tuple[argparse.Namespace, list[Override]]:
    """Parses arguments; returns them, and what they change in a configuration yet to be read."""
    # The configuration's keys are not known here: argparse leaves `--config.…` over.
    options, rest = parser.parse_known_args(arguments)
    return options, [_override(parser, item) for item in _joined(rest)]


def chosen(flag: str, text: str | None, choices: Collection[str], default: list[str]) -> list[str]:
    """The names in a text `A,B`, or the default where there is no text.

    flag: the argument that the text is of. choices: the names that are known.
    Errors: ValueError naming what is unknown.
    """
    # Spaces after commas are taken off: in quotes, people type them.
    names = default if text is None else [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in choices]
    if unknown:
        raise ValueError(
            f"{flag}: unknown {', '.join(map(repr, unknown))}, "
            f"expected some of {', '.join(choices)}"
        )
    return names


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Shows a bar on stderr, and gives a function to call with the name of what is finished."""
    # disable=None: none where stderr is no terminal, but a file or a pipe.
    with tqdm(total=total, disable=None) as bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        yield step


def _joined(rest: list[str]) -> list[str]:
    """Makes `--config.key=value` of `--config.key value`, so that both are taken."""
    # argparse joins what it knows. These it has left over, the value as an argument of its own.
    out: list[str] = []
    for item in rest:
        if out and out[-1].startswith("--config.") and "=" not in out[-1]:
            out[-1] += f"={item}"
        else:
            out.append(item)
    return out


def _override(parser: argparse.ArgumentParser, item: str) -> Override:
    """`--config.KEY=VALUE` as (key, value); ends the command for anything else."""
    key, equals, text = item.removeprefix("--config.").partition("=")
    if not item.startswith("--config.") or not equals:
        parser.error(f"unknown argument {item}: values are changed by --config.KEY=VALUE")
    # What is no literal of Python is text, so that paths and names need no quotes in a shell.
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return key, text

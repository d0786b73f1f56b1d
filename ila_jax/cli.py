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


def add_config(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--config", required=required, metavar="NAME", help=config_help())


def config_help() -> str:
    """What --config takes, in every command."""
    return (
        f"a configuration that comes with ila_jax ({', '.join(config_names())}), or a file with "
        "get_config(), such as mine.py; NAME:TEXT passes TEXT to it. Change a value by "
        "--config.KEY=VALUE, such as --config.train.batch=32"
    )


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """What `ila_jax.load` takes."""
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="folder of a run (its best checkpoint; DIR@latest, DIR@STEP) or of weights",
    )


def some_path(text: str) -> Path:
    """The type of an argument: an empty one, of an unset variable, would mean this folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, found ''")
    return Path(text)


def add_several_hosts(parser: argparse.ArgumentParser) -> None:
    """What `train.processes.connect` takes."""
    several = parser.add_argument_group("several hosts")
    several.add_argument(
        "--distributed",
        action="store_true",
        help="join the processes that Slurm, Open MPI or an indexed Kubernetes job started",
    )
    several.add_argument("--coordinator", metavar="HOST:PORT", help="of process 0, where none did")
    several.add_argument("--processes", type=int, metavar="N", help="how many there are")
    several.add_argument("--process-id", type=int, metavar="I", help="which this is, from 0")


def several_hosts(known: argparse.Namespace) -> bool:
    """Whether any of `add_several_hosts` was given: a number of processes alone is not ignored."""
    given = (known.coordinator, known.processes, known.process_id)
    return known.distributed or any(value is not None for value in given)


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> tuple[argparse.Namespace, Config]:
    """Arguments, and the checked config with its overrides. Errors: ValueError."""
    known, overrides = parse_overrides(parser, arguments)
    return known, from_config(read_config(known.config, overrides))


def parse_overrides(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> tuple[argparse.Namespace, list[Override]]:
    """Arguments, and the values to change in a config that is yet to be read."""
    known, rest = parser.parse_known_args(arguments)
    return known, [_override(parser, item) for item in _joined(rest)]


def chosen(flag: str, text: str | None, known: Collection[str], default: list[str]) -> list[str]:
    """The names in a list `A,B`, or the default. Errors: ValueError naming what is unknown."""
    names = default if text is None else [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{flag}: unknown {', '.join(map(repr, unknown))}, expected some of {', '.join(known)}"
        )
    return names


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr where somebody looks; what it gives is called with what is finished."""
    with tqdm(total=total, disable=None) as bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name, refresh=False)
            bar.update()

        yield step


def _joined(rest: list[str]) -> list[str]:
    """Takes `--config.key value` and `--config.key=value` alike."""
    out: list[str] = []
    for item in rest:
        if out and out[-1].startswith("--config.") and "=" not in out[-1]:
            out[-1] += f"={item}"
        else:
            out.append(item)
    return out


def _override(parser: argparse.ArgumentParser, item: str) -> Override:
    key, equals, text = item.removeprefix("--config.").partition("=")
    if not item.startswith("--config.") or not equals:
        parser.error(f"unknown argument {item}: values are changed by --config.KEY=VALUE")
    try:
        return key, ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return key, text

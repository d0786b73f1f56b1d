"""The options of a command, added to its page in docs/reference/commands/ from its own parser.

So they cannot go stale. The page's title names the command, as in "# `python -m ila_jax.train`".
"""

import argparse
import importlib
import importlib.util
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_FOLDER = "reference/commands/"
_TITLE = re.compile(r"^# `python -m (ila_jax[\w.]*)`$", re.MULTILINE)


def parser(command: str) -> argparse.ArgumentParser:
    """The parser of `python -m COMMAND`."""
    path = f"{command}.__main__"
    try:
        name = path if importlib.util.find_spec(path) else command
    except ModuleNotFoundError:  # a module, which has nothing below it
        name = command
    made = importlib.import_module(name)._parser()
    assert isinstance(made, argparse.ArgumentParser)
    return made


def helps(made: argparse.ArgumentParser) -> list[str]:
    """What `--help` prints, of the command itself and of each command that it has below it."""
    os.environ["COLUMNS"] = "100"  # argparse fits its lines to the terminal
    below = [
        child
        for action in made._actions
        if isinstance(action, argparse._SubParsersAction)
        for child in dict.fromkeys(action.choices.values())
    ]
    return [made.format_help(), *(text for child in below for text in helps(child))]


def _add(app: "Sphinx", docname: str, source: list[str]) -> None:
    title = _TITLE.search(source[0])
    if docname.startswith(_FOLDER) and title:
        blocks = "\n".join(f"```text\n{text}```\n" for text in helps(parser(title[1])))
        source[0] += f"\n## What `--help` prints\n\n{blocks}"


def setup(app: "Sphinx") -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _add)
    return {"parallel_read_safe": True}

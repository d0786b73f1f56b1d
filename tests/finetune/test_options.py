"""Options that are made in Python are those of the command."""

from pathlib import Path

from ila_jax import cli
from ila_jax.finetune import __main__ as command
from ila_jax.finetune.options import Options


def test_what_is_not_given_is_as_in_the_command():
    arguments, overrides = cli.parse_overrides(command._parser(), ["clips", "--workdir", "work"])
    options = Options(**vars(arguments), overrides=tuple(overrides))
    # The command takes as many processes as there are cores, and a call of Python one.
    in_python = Options(videos="clips", workdir=Path("work"), processes=options.processes)
    assert options == in_python

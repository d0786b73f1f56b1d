"""Templates: the sentences that a class's name is put into, in the place of `{}`.

CLIP learnt from captions of pictures, and compares a picture better with a sentence than with a
word. Models that were trained on names, such as ILA and X-CLIP, take the name alone.
"""

import argparse
from collections.abc import Sequence

# The name alone, as ILA and X-CLIP were trained on.
NAME = ("{}",)

# CLIP's own for Kinetics, in its order: every medium with every way to do something (from
# data/prompts.md of github.com/openai/CLIP, under the licence of the vocabulary in this folder).
_MEDIA = ("photo", "video", "example", "demonstration")
_DOING = (
    "{}",
    "a person {}",
    "a person using {}",
    "a person doing {}",
    "a person during {}",
    "a person performing {}",
    "a person practicing {}",
)
KINETICS = tuple(f"a {medium} of {doing}." for medium in _MEDIA for doing in _DOING)


def filled(template: str, name: str) -> str:
    """The template with the name in the place of every `{}`.

    Not `str.format`: names and templates may have braces of their own.
    """
    return template.replace("{}", name)


def check_templates(templates: Sequence[str]) -> None:
    """Errors: ValueError for no templates, for one text alone, and for one without `{}`."""
    if isinstance(templates, str) or not templates or not all("{}" in t for t in templates):
        raise ValueError(
            f"templates are {templates!r}: expected texts with {{}} for the class's "
            'name, such as ["a video of {}."]'
        )


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Adds --template, which may be given any number of times and goes to `chosen`."""
    parser.add_argument(
        "--template",
        action="append",
        metavar="TEXT",
        help="of plain CLIP: what a class is called to it, with {} in the place of the name, such "
        "as 'a video of {}.'; given several times, the mean of all. '{}' is the name alone; "
        f"kinetics (the default) CLIP's own {len(KINETICS)} for videos",
    )


def chosen(arguments: list[str]) -> tuple[str, ...]:
    """The templates that a command was given; `kinetics` alone stands for CLIP's own."""
    return KINETICS if arguments == ["kinetics"] else tuple(arguments)

"""Templates: the sentences that a class's name is put into, in the place of `{}`.

CLIP learnt from captions of pictures, and compares a picture better with a sentence than with a
word. Models that were trained on names, such as ILA and X-CLIP, take the name alone.
"""

import argparse

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
    """Only `{}` is a place: names and templates may have braces of their own."""
    return template.replace("{}", name)


def add_argument(parser: argparse.ArgumentParser) -> None:
    """--template, any number of them: what `chosen` takes."""
    parser.add_argument(
        "--template",
        action="append",
        metavar="TEXT",
        help="of plain CLIP: what a class is called to it, with {} in the place of the name, such "
        "as 'a video of {}.'; given several times, the mean of all. '{}' is the name alone; "
        f"kinetics (the default) CLIP's own {len(KINETICS)} for videos",
    )


def chosen(given: list[str]) -> tuple[str, ...]:
    """Templates as a command takes them; `kinetics` alone stands for CLIP's own."""
    return KINETICS if given == ["kinetics"] else tuple(given)

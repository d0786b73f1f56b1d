"""Annotation lists, `path label` a line."""

import os
from dataclasses import dataclass
from pathlib import Path

from ila_jax.data.text_files import listed, read_text


@dataclass(frozen=True, slots=True)
class Example:
    """A video file and its class, counted from 0."""

    path: str
    label: int


def read_list(path: str | Path, root: str | Path, classes: int) -> list[Example]:
    """Reads an annotation list. The label is the last field, so that paths may contain spaces.

    root: folder that relative paths start from. Blank lines are skipped.
    Errors: FileNotFoundError; ValueError that lists the bad lines together.
    """
    examples, problems = [], []
    # Not splitlines, which also cuts at rarer characters of names.
    lines = read_text(path, "an annotation list, `path label` a line").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        example = _parse(line, root, classes)
        if isinstance(example, Example):
            examples.append(example)
        else:
            problems.append(f"{path}:{number}: {example}")
    if problems:
        heading = f"{len(problems)} lines of {path} cannot be used, correct or remove them"
        raise ValueError(listed(heading, problems))
    if not examples:
        raise ValueError(
            f"{path} lists no videos: expected lines like `folder/clip.mp4 3`, found none. "
            "Write the list, or point the configuration at another one."
        )
    return examples


def _parse(line: str, root: str | Path, classes: int) -> Example | str:
    """The example of a line, or what is wrong with the line."""
    fields = line.strip().rsplit(maxsplit=1)
    if len(fields) < 2:
        return f"expected a path and a label, found {line.strip()!r}"
    name, label = fields
    # isdecimal alone takes other scripts' digits, which no annotation means.
    if not (label.isascii() and label.isdecimal()):
        return f"expected a label from 0 to {classes - 1} at the end, found {label!r}"
    if int(label) >= classes:
        return f"the label is {label}, but there are {classes} classes, 0 to {classes - 1}"
    return Example(path=os.path.join(root, name), label=int(label))

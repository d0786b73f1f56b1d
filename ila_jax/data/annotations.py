"""Annotation lists, `path label` a line, and files of class names."""

from dataclasses import dataclass
from pathlib import Path

_LISTED_PROBLEMS = 10


@dataclass(frozen=True)
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
    for number, line in enumerate(_lines(path, "an annotation list, `path label` a line"), start=1):
        if not line.strip():
            continue
        example = _parse(line, Path(root), classes)
        if isinstance(example, Example):
            examples.append(example)
        else:
            problems.append(f"{path}:{number}: {example}")
    if problems:
        more = len(problems) - _LISTED_PROBLEMS
        shown = problems[:_LISTED_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        raise ValueError(
            f"{len(problems)} lines of {path} cannot be used, correct or remove them:\n  "
            + "\n  ".join(shown)
        )
    if not examples:
        raise ValueError(
            f"{path} lists no videos: expected lines like `folder/clip.mp4 3`, found none. "
            "Write the list, or point the configuration at another one."
        )
    return examples


def read_class_names(path: str | Path) -> tuple[str, ...]:
    """The class names of a file, one a line; the first is class 0.

    Errors: FileNotFoundError; ValueError for an empty file, a blank line or a name given twice.
    """
    names = [line.strip() for line in _lines(path, "class names, one a line")]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise ValueError(f"{path} is empty: expected class names, one a line.")
    first: dict[str, int] = {}
    problems = []
    for number, name in enumerate(names, start=1):
        if not name:
            problems.append(f"{path}:{number}: blank, but every line is a class")
        elif name in first:
            problems.append(f"{path}:{number}: {name!r} is already class {first[name]}")
        first.setdefault(name, number - 1)
    if problems:
        shown = "\n  ".join(problems[:_LISTED_PROBLEMS])
        raise ValueError(f"the class names cannot be used, correct the file:\n  {shown}")
    return tuple(names)


def _lines(path: str | Path, what: str) -> list[str]:
    """Lines without their ends; not splitlines, which also cuts at rarer characters of names."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} does not exist: expected {what}. Check the path."
        ) from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder: expected {what}. Name the file.") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text (byte {error.start}): expected {what}. Convert it."
        ) from None
    return text.split("\n")


def _parse(line: str, root: Path, classes: int) -> Example | str:
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
    return Example(path=str(root / name), label=int(label))

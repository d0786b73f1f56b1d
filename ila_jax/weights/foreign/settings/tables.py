"""Gives each key of a configuration next to weights a meaning; a key without one is refused.

A configuration says what no tensor shows: two models with the same tensors and another activation
give other answers. So a table has one of these meanings for every key that its library knows:

- `Inert`: the key changes nothing of what a model answers;
- `OneOf`: our models compute with some of its values, and the file must have one of these;
- `TensorSize`: the tensors have this size as well, and the file must say the same;
- `Supported`: the model computes with whatever it says; the module of the source reads it into the
  `Arithmetic` of a part of the model;
- `Ignored`: it would change how pictures are prepared, which is done in one way for every video
  here; the report has a note where the file asks for something unusual.

A key that no table knows is refused by name, since it may change the answers. To support a newer
version of a library, add a line for each of its new keys to the table of its section.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ila_jax.config import Normalisation
from ila_jax.sizes import Arithmetic


@dataclass(frozen=True)
class Inert:
    """A key that changes no answer. why: the reason, for whoever reads the table."""

    why: str


@dataclass(frozen=True)
class OneOf:
    """A key that must have one of `values`: our models compute with no others.

    default: what the library takes where the file leaves the key out.
    """

    default: Any
    values: tuple[Any, ...]


@dataclass(frozen=True)
class TensorSize:
    """A key that repeats a size of the tensors.

    default: what the library takes where the file leaves the key out. size: what `recognise` calls
    it, such as "width" or "depth".
    """

    default: Any
    size: str


@dataclass(frozen=True)
class Supported:
    """A key whose value, whatever it is, the model computes with.

    default: what the library takes where the file leaves the key out.
    """

    default: Any


@dataclass(frozen=True)
class Ignored:
    """A key of how pictures are prepared, which frames of videos do not follow here.

    default: what the library takes; only another value is worth a note in the report.
    """

    default: Any


Table = Mapping[str, Inert | OneOf | TensorSize | Supported | Ignored]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A configuration that was understood, key by key.

    library: which wrote the folder, and can load it again. file: the configuration's name.
    arithmetic: part of the model, as in `Geometry`, to what it computes with. tensor_sizes: key to
    its value and to the name of the size that the tensors must have. pixels: what pixels are
    normalised with; None where the folder does not say. notes: what the report tells the user.
    """

    library: Literal["transformers", "open_clip"]
    folder: Path
    file: str
    arithmetic: Mapping[str, Arithmetic]
    tensor_sizes: Mapping[str, tuple[Any, str]]
    pixels: Normalisation | None = None
    notes: Sequence[str] = ()

    def report_notes(self) -> list[str]:
        """Notes for the report: parts that compute otherwise than OpenAI's CLIP, and `notes`."""
        return [
            f"{part}: heads of {a.head_width} channels, {a.activation}, eps {a.eps:g}, as "
            f"{self.file} says"
            for part, a in self.arithmetic.items()
            if a != Arithmetic()
        ] + list(self.notes)

    def check(self, sizes: Mapping[str, Any]) -> None:
        """Compares the file with the sizes of the tensors, by the names of `recognise`.

        Errors: ValueError naming every key that the tensors contradict.
        """
        # A size that is not among these is of a part that these weights do not have.
        problems = [
            f"{key} is {value!r}, and the weights have {sizes[size]!r}"
            for key, (value, size) in self.tensor_sizes.items()
            if size in sizes and one_number(value) != sizes[size]
        ]
        if problems:
            raise ValueError(
                f"{self.file} is of other weights than those beside it (keys that it leaves out "
                f"have {self.library}'s defaults):\n  " + "\n  ".join(problems) + "\nGet the "
                "folder again, or mend the file if you know better"
            )


def problems_of(values: Mapping[str, Any], table: Table, prefix: str) -> list[str]:
    """Why the file is refused: keys that are unknown, and values that ours do not compute with.

    prefix: what stands before a key in the messages, such as `text_config.`.
    """
    # Keys of the file first, and then those of the table, of which the file may leave some out.
    problems = [_unknown(key, table, prefix) for key in values if key not in table]
    for key, meaning in table.items():
        if isinstance(meaning, OneOf):
            # A key that is left out has the default of its library, which may not be ours.
            value = values.get(key, meaning.default)
            if not any(_same(value, allowed) for allowed in meaning.values):
                expected = " or ".join(repr(allowed) for allowed in meaning.values)
                origin = "" if key in values else " by default"
                problems.append(f"{prefix}{key} is {value!r}{origin}, expected {expected}")
    return problems


def notes_of(values: Mapping[str, Any], table: Table, prefix: str) -> list[str]:
    """A note for each `Ignored` key that is not as its library has it by default."""
    return [
        f"{prefix}{key} is {values[key]!r} and is not heeded: frames are resized and cropped as "
        "those of every video here (docs/how-to/data.md)"
        for key, meaning in table.items()
        if isinstance(meaning, Ignored)
        and not _same(values.get(key, meaning.default), meaning.default)
    ]


def tensor_sizes_of(
    values: Mapping[str, Any], table: Table, prefix: str
) -> dict[str, tuple[Any, str]]:
    """Each `TensorSize` key with its prefix, to its value and the name of the size."""
    return {
        f"{prefix}{key}": (values.get(key, meaning.default), meaning.size)
        for key, meaning in table.items()
        if isinstance(meaning, TensorSize)
    }


def value_of(values: Mapping[str, Any], table: Table, key: str) -> Any:
    """A key's value, or the library's default where the file leaves it out."""
    meaning = table[key]
    # Nobody computes with an inert key, so that its table has no default.
    assert not isinstance(meaning, Inert), key
    return values.get(key, meaning.default)


def head_width(width: Any, heads: Any, key: str, problems: list[str]) -> int:
    """Channels of a head; appends to `problems` where `heads` do not divide the width.

    key: the name of `heads` in the file.
    """
    # `type` and not isinstance: JSON's true is an int of Python. The values are as the file has
    # them, and may be of any type.
    if all(type(n) is int and n > 0 for n in (width, heads)) and width % heads == 0:
        return int(width // heads)
    # Any value will do from here on: the file is refused, with all its problems at once.
    problems.append(f"{key} is {heads!r}, which does not divide the width {width!r}")
    return Arithmetic.head_width


def eps(value: Any, key: str, problems: list[str]) -> float:
    """The epsilon of layer norms; appends to `problems` where the value cannot be one."""
    if isinstance(value, int | float) and 0 < value < 1:
        return float(value)
    problems.append(f"{key} is {value!r}, expected a small positive number such as 1e-5")
    return Arithmetic.eps


def refuse(file: str, problems: Sequence[str]) -> None:
    """Ends the reading of a file that has problems. Errors: ValueError listing all of them."""
    if problems:
        raise ValueError(
            f"{file} describes a model that computes something else than ours; its weights would "
            "load and give wrong numbers:\n  " + "\n  ".join(problems) + "\nIf you know that a key "
            "changes nothing, take it out of the file"
        )


def one_number(value: Any) -> Any:
    """The side of a square of which a file gives both: [224, 224] becomes 224."""
    if isinstance(value, list | tuple) and value and all(side == value[0] for side in value):
        return value[0]
    return value


def inert(why: str, *keys: str) -> dict[str, Inert]:
    """Rows of a table for keys that all change nothing, for one reason."""
    return {key: Inert(why) for key in keys}


def section(settings: Mapping[str, Any], key: str, file: str) -> dict[str, Any]:
    """A section of a file, empty where it is missing or null.

    Errors: ValueError where the key holds something else.
    """
    values = settings.get(key)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"{file} has {key} {values!r}: expected a section of settings")
    return values


def _same(value: Any, allowed: Any) -> bool:
    """Whether two values of JSON are equal, where Python also holds True equal to 1."""
    if isinstance(value, bool) != isinstance(allowed, bool):
        return False
    return bool(value == allowed)


def _unknown(key: str, table: Table, prefix: str) -> str:
    similar = difflib.get_close_matches(key, table, n=1)
    hint = f" (did you mean {similar[0]}?)" if similar else ""
    return f"{prefix}{key} is a key that is not known here, and may change the answers{hint}"

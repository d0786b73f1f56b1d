"""What the keys of a configuration beside weights mean here: each is told, or the file is refused.

A table has a meaning for every key that its library knows:

- `Inert` changes nothing of what a model answers;
- `Only` must have one of the values that our models compute with;
- `Shown` must say what the tensors show;
- `Honoured` is read by the source's own module, into the `Arithmetic` of a part of the model;
- `Told` is done otherwise here, and the report says so.

A key that no table knows is refused, since it may change the answers.
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
    """A key that changes no answer. why: in words, for whoever reads the table."""

    why: str


@dataclass(frozen=True)
class Only:
    """A key that our models take some values of. values: these. default: the library's own."""

    default: Any
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Shown:
    """A key that the tensors show as well. size: its name in `sizes_of`."""

    default: Any
    size: str


@dataclass(frozen=True)
class Honoured:
    """A key whose value the model computes with. default: the library's own."""

    default: Any


@dataclass(frozen=True)
class Told:
    """A key of how pictures are prepared, which ours does not heed. default: the library's own."""

    default: Any


Table = Mapping[str, Inert | Only | Shown | Honoured | Told]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A configuration that was understood.

    library: which wrote the folder, and can load it again. file: its name. arithmetic: of the parts
    of the model (`Geometry`). shown: key → its value, and the size that has to be the same.
    pixels: what they are normalised with, None where it is not said. notes: what the reader has to
    know.
    """

    library: Literal["transformers", "open_clip"]
    folder: Path
    file: str
    arithmetic: Mapping[str, Arithmetic]
    shown: Mapping[str, tuple[Any, str]]
    pixels: Normalisation | None = None
    notes: Sequence[str] = ()

    def words(self) -> list[str]:
        """What the report says: how parts compute otherwise than OpenAI's CLIP, and the notes."""
        return [
            f"{part}: heads of {a.head_width} channels, {a.activation}, eps {a.eps:g}, as "
            f"{self.file} says"
            for part, a in self.arithmetic.items()
            if a != Arithmetic()
        ] + list(self.notes)

    def check(self, sizes: Mapping[str, Any]) -> None:
        """Errors: ValueError naming every key that the tensors contradict."""
        problems = [
            f"{key} is {value!r}, and the weights have {sizes[size]!r}"
            for key, (value, size) in self.shown.items()
            if size in sizes and one_number(value) != sizes[size]
        ]
        if problems:
            raise ValueError(
                f"{self.file} is of other weights than those beside it (keys that it leaves out "
                f"have {self.library}'s defaults):\n  " + "\n  ".join(problems) + "\nGet the "
                "folder again, or mend the file if you know better"
            )


def problems_of(values: Mapping[str, Any], table: Table, prefix: str) -> list[str]:
    """The keys that are unknown, or have values that our models do not compute with."""
    problems = [_unknown(key, table, prefix) for key in values if key not in table]
    for key, meaning in table.items():
        if isinstance(meaning, Only):
            value = values.get(key, meaning.default)
            if not any(_same(value, fine) for fine in meaning.values):
                wanted = " or ".join(repr(fine) for fine in meaning.values)
                given = "" if key in values else " by default"
                problems.append(f"{prefix}{key} is {value!r}{given}, expected {wanted}")
    return problems


def told_of(values: Mapping[str, Any], table: Table, prefix: str) -> list[str]:
    """What the report says of the keys that are not heeded, where they are not as by default."""
    return [
        f"{prefix}{key} is {values[key]!r} and is not heeded: frames are resized and cropped as "
        "those of every video here (docs/data.md)"
        for key, meaning in table.items()
        if isinstance(meaning, Told)
        and not _same(values.get(key, meaning.default), meaning.default)
    ]


def shown_of(values: Mapping[str, Any], table: Table, prefix: str) -> dict[str, tuple[Any, str]]:
    """The keys that the tensors have to agree with."""
    return {
        f"{prefix}{key}": (values.get(key, meaning.default), meaning.size)
        for key, meaning in table.items()
        if isinstance(meaning, Shown)
    }


def value_of(values: Mapping[str, Any], table: Table, key: str) -> Any:
    """A key's value, or the library's default."""
    meaning = table[key]
    assert not isinstance(meaning, Inert), key
    return values.get(key, meaning.default)


def head_width(width: Any, heads: Any, key: str, problems: list[str]) -> int:
    """Channels of a head; appends to `problems` where heads do not divide the width."""
    if all(type(n) is int and n > 0 for n in (width, heads)) and width % heads == 0:
        return width // heads
    problems.append(f"{key} is {heads!r}, which does not divide the width {width!r}")
    return Arithmetic.head_width


def eps(value: Any, key: str, problems: list[str]) -> float:
    """The epsilon of layer norms; appends to `problems` where it is none."""
    if isinstance(value, int | float) and 0 < value < 1:
        return float(value)
    problems.append(f"{key} is {value!r}, expected a small positive number such as 1e-5")
    return Arithmetic.eps


def refuse(file: str, problems: Sequence[str]) -> None:
    """Errors: ValueError with all problems of a file, if there are any."""
    if problems:
        raise ValueError(
            f"{file} describes a model that computes something else than ours; its weights would "
            "load and give wrong numbers:\n  " + "\n  ".join(problems) + "\nIf you know that a key "
            "changes nothing, take it out of the file"
        )


def one_number(value: Any) -> Any:
    """A square's side where both are given: [224, 224] is 224."""
    if isinstance(value, list | tuple) and value and all(side == value[0] for side in value):
        return value[0]
    return value


def inert(why: str, *keys: str) -> dict[str, Inert]:
    """Many keys that change nothing for one reason."""
    return {key: Inert(why) for key in keys}


def section(settings: Mapping[str, Any], key: str, file: str) -> dict[str, Any]:
    """A section of a file, empty where it is missing or null. Errors: ValueError."""
    found = settings.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{file} has {key} {found!r}: expected a section of settings")
    return found


def _same(value: Any, fine: Any) -> bool:
    """Equal, and no True for a 1."""
    if isinstance(value, bool) != isinstance(fine, bool):
        return False
    return bool(value == fine)


def _unknown(key: str, table: Table, prefix: str) -> str:
    near = difflib.get_close_matches(key, table, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"{prefix}{key} is a key that is not known here, and may change the answers{hint}"

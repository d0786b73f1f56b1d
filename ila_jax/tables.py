"""Tables as text for a terminal and as Markdown."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of text. cells: the rows, each as long as the header. notes: sentences below it."""

    title: str
    header: Sequence[str]
    cells: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def render(tables: Sequence[Table], *, markdown: bool) -> str:
    """Tables one below the other, as Markdown or aligned for a terminal."""
    return "\n\n".join((_markdown if markdown else _text)(table) for table in tables)


def literal(text: str) -> str:
    """Markdown that shows a text as it is, such as a class's name, also in a cell of a table."""
    # Of underscores only those at the edge of a word mark anything.
    text = re.sub(r"[\\`*<>\[\]|&~$]|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    # What would begin a list or a heading.
    return re.sub(r"^(\d*)([.)#+-])", r"\1\\\2", text)


def _markdown(table: Table) -> str:
    lines = [table.header, ["---"] * len(table.header), *table.cells]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return "\n\n".join([f"**{table.title}**", body, *(f"- {note}" for note in table.notes)])


def _text(table: Table) -> str:
    lines = [list(table.header), *map(list, table.cells)]
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    # A column of numbers (or of dashes or nothing, where there is none) stands at the right, so
    # that units are below units.
    numbers = [
        all((c or "–")[0] in "0123456789–" for c in column[1:])
        for column in zip(*lines, strict=True)
    ]
    body = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, wide, numbers, strict=True)
        )
        for line in lines
    ]
    notes = (textwrap.fill(note, 100, subsequent_indent="  ") for note in table.notes)
    return "\n".join([table.title, *(line.rstrip() for line in body), *notes])

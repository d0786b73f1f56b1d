"""The signature and docstring of each Python name that a table of docs/reference/ lists.

A row that begins with a name in backticks, as in "| `ila_jax.load` | … |", is followed, at the end
of the page, by a section with what the name is. Docstrings are plain text with code in backticks,
as this one, and become reStructuredText here.
"""

import importlib
import inspect
import pkgutil
import re
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_ROW = re.compile(r"^\| `(ila_jax[\w.]+)` \|", re.MULTILINE)
_SPECIAL = re.compile(r"([*|_\\])")


def section(name: str) -> str:
    """A section in MyST with the docstring of a module, a class, a function or a value."""
    thing = pkgutil.resolve_name(name) if "." in name else importlib.import_module(name)
    if isinstance(thing, ModuleType):
        directive, options = "automodule", "   :members:\n"
    elif inspect.isclass(thing):
        directive, options = "autoclass", "   :members:\n"
    elif inspect.isroutine(thing):
        directive, options = "autofunction", ""
    else:
        directive, options = "autodata", ""
    return f"\n## `{name}`\n\n```{{eval-rst}}\n.. {directive}:: {name}\n{options}```\n"


def to_rst(docstring: str) -> str:
    """Paragraphs with code in backticks as reStructuredText; indented ones stay as they are."""
    paragraphs = docstring.split("\n\n")
    texts = [one if one.startswith("    ") else _paragraph(one) for one in paragraphs]
    return re.sub(r":\n\n(?=    )", "::\n\n", "\n\n".join(texts))


def _paragraph(text: str) -> str:
    parts = re.split(r"`([^`]+)`", text)
    for number, part in enumerate(parts):
        if number % 2:
            # The backslash ends the code where a letter follows, as in the plural of a name.
            code = " ".join(part.split())
            parts[number] = f"``{code}``" + "\\ " * parts[number + 1][:1].isalnum()
        else:
            parts[number] = _SPECIAL.sub(r"\\\1", part)
    return "".join(parts)


def _convert(
    app: "Sphinx", what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    lines[:] = to_rst("\n".join(lines)).split("\n")


def _add(app: "Sphinx", docname: str, source: list[str]) -> None:
    if docname.startswith("reference/"):
        source[0] += "".join(section(name) for name in _ROW.findall(source[0]))


def setup(app: "Sphinx") -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _add)
    app.connect("autodoc-process-docstring", _convert)
    return {"parallel_read_safe": True}

"""The navigation of the site: what the pages called index.md link to, in that order.

A page is in the navigation if a line of a list or of a table in an index.md begins with a link to
it; the headings of `docs/index.md` are those of the navigation. Sphinx warns of pages that no index
names, and so does the build fail.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_HEADING = re.compile(r"^## (.+)$")
_ENTRY = re.compile(r"^(?:[-*] |\| )\[[^\]]+\]\((?!\w+:|\.\.)([\w./-]+)\.(?:md|ipynb)\)")


def navigation(text: str) -> str:
    """Toctrees in MyST for the page `text`, one for each heading that has entries below it."""
    entries: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if title := _HEADING.match(line):
            heading = title[1]
        elif entry := _ENTRY.match(line):
            entries.setdefault(heading, []).append(entry[1])
    return "".join(_toctree(heading, pages) for heading, pages in entries.items())


def _toctree(caption: str, pages: list[str]) -> str:
    lines = "\n".join(dict.fromkeys(pages))  # a page that is named twice stands where it was first
    return f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"


def _add(app: "Sphinx", docname: str, source: list[str]) -> None:
    if docname.rpartition("/")[2] == "index":
        source[0] += navigation(source[0])


def setup(app: "Sphinx") -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _add)
    return {"parallel_read_safe": True}

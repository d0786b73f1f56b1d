"""Notebooks as pages of the site: their texts and their code; they are kept without outputs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_DOWNLOAD = "{{download}}`Download this notebook <{name}.ipynb>`, and run it with Jupyter.\n\n"


def to_markdown(notebook: dict[str, Any]) -> str:
    """The cells of a notebook as Markdown."""
    return "\n\n".join(_cell(cell) for cell in notebook["cells"]) + "\n"


def _cell(cell: dict[str, Any]) -> str:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return text
    language = "bash" if text.startswith("%%bash") else "python"
    return f"```{language}\n{text.removeprefix('%%bash').strip()}\n```"


def _convert(app: "Sphinx", docname: str, source: list[str]) -> None:
    if Path(app.env.doc2path(docname)).suffix == ".ipynb":
        title, _, text = to_markdown(json.loads(source[0])).partition("\n\n")
        source[0] = f"{title}\n\n{_DOWNLOAD.format(name=docname.rpartition('/')[2])}{text}"


def setup(app: "Sphinx") -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_source_suffix(".ipynb", "markdown")  # which it is when `_convert` is done with it
    app.connect("source-read", _convert)
    return {"parallel_read_safe": True}

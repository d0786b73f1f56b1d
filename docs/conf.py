"""How Sphinx makes a site of the pages in this folder; `tools/docs` runs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tools.site

project = "ila_jax"
author = "the authors of ila_jax"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "tools.site.navigation",
    "tools.site.commands",
    "tools.site.names",
    "tools.site.notebooks",
]
# Anchors of headings as GitHub makes them, so that a link works in both places.
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = "ila_jax"
html_copy_source = False
html_show_sourcelink = False

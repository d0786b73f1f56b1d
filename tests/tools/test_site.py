"""The site of docs/: what is added to its pages, and what its check finds."""

import json
import re

import pytest

import ila_jax
from tests.documented import ROOT
from tests.test_commands import NAMES
from tools.site import check, commands, names, notebooks
from tools.site.navigation import navigation

COMMANDS = ROOT / "docs/reference/commands"


def test_the_navigation_is_what_lists_and_tables_begin_with():
    page = (
        "# Title\n[no](no.md)\n## One\n- [a](a.md): and [b](b.md)\n- [c](https://x.org/c.md)\n"
        "- [up](../README.md)\n## None\ntext\n## Two\n| [d](d/e.md) | x |\n* [n](d/n.ipynb)\n"
    )
    assert re.findall(r":caption: (.*)\n\n((?:\S+\n)+)```", navigation(page)) == [
        ("One", "a\n"),
        ("Two", "d/e\nd/n\n"),
    ]


def test_every_page_is_in_the_navigation():
    listed = set()
    for index in ROOT.glob("docs/**/index.md"):
        blocks = re.findall(r"\n\n((?:[\w./-]+\n)+)```", navigation(index.read_text("utf-8")))
        listed |= {index.parent / name for name in "".join(blocks).split()}
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.ipynb")]
    missing = [str(page) for page in pages if page.with_suffix("") not in listed]
    assert [page for page in missing if not page.endswith("docs/index.md")] == [], (
        "add a line to docs/index.md"
    )


def test_every_command_has_a_page_that_is_named_for_it():
    pages = [page for page in COMMANDS.glob("*.md") if page.stem != "index"]
    titles = [page.read_text("utf-8").partition("\n")[0] for page in pages]
    assert sorted(titles) == sorted(f"# `python -m {name}`" for name in NAMES)


def test_the_options_of_a_command_and_of_those_below_it_are_its_parsers():
    whole, *below = commands.helps(commands.parser("ila_jax.benchmark"))
    assert whole.startswith("usage: python -m ila_jax.benchmark")
    assert [text.split()[4] for text in below] == ["data", "model", "decoders"]
    assert "--inspect" in commands.helps(commands.parser("ila_jax.convert"))[0]


def test_every_public_name_has_a_row():
    page = (ROOT / "docs/reference/python.md").read_text("utf-8")
    rows = re.findall(r"^\| `ila_jax\.(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(ila_jax.__all__), "add a row to docs/reference/python.md"


@pytest.mark.parametrize(
    ("name", "directive"),
    [
        ("ila_jax.load", "autofunction"),
        ("ila_jax.BadVideo", "autoclass"),
        ("ila_jax.sizes", "automodule"),
        ("ila_jax.sizes.SIZES", "autodata"),
    ],
)
def test_a_name_is_documented_as_what_it_is(name, directive):
    assert f".. {directive}:: {name}\n" in names.section(name)


def test_docstrings_become_restructured_text():
    text = "Of `a_b`s and x_ or *y*, as in `of\nc`:\n\n    b  *clips*\n    t  frames"
    assert names.to_rst(text) == (
        "Of ``a_b``\\ s and x\\_ or \\*y\\*, as in ``of c``::\n\n    b  *clips*\n    t  frames"
    )


def test_a_notebook_becomes_its_cells():
    cells = [("markdown", "# Title\n"), ("code", "%%bash\nls\n"), ("code", "x = 1")]
    notebook = {"cells": [{"cell_type": kind, "source": [text]} for kind, text in cells]}
    assert notebooks.to_markdown(json.loads(json.dumps(notebook))) == (
        "# Title\n\n\n```bash\nls\n```\n\n```python\nx = 1\n```\n"
    )


def site(folder, **pages):
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    return folder


def test_a_whole_site_has_no_problem(tmp_path):
    (tmp_path / "style.css").write_text("a { background: url(picture.png) }")
    (tmp_path / "picture.png").write_bytes(b"")
    pages = {
        "one": '<link rel="stylesheet" href="style.css"><p id="here"></p><a href="two.html#there">'
        '<a href="#here"><a href="https://x.org/"><img src="picture.png" alt="A picture">',
        "two": '<p id="there"></p><a href="one.html"><a href="picture.png">',
    }
    assert check.problems(site(tmp_path, **pages)) == []


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="gone.html">', "the link gone.html leads nowhere"),
        ('<a href="#gone">', "the link #gone leads nowhere"),
        ('<a href="two.html#gone">', "the link two.html#gone leads nowhere"),
        ('<img src="p.png">', "the image p.png has no text for those who cannot see it"),
        ('<img src="p.png" alt=" ">', "the image p.png has no text for those who cannot see it"),
        ('<script src="https://cdn.org/a.js">', "loads https://cdn.org/a.js"),
        ('<script src="//cdn.org/a.js">', "loads //cdn.org/a.js"),
        ('<link rel="preconnect" href="https://fonts.org">', "loads https://fonts.org"),
        ('<link rel="icon stylesheet" href="//cdn.org/a.css">', "loads //cdn.org/a.css"),
        ("<style>@import '//cdn.org/a.css'</style>", "loads //cdn.org/a.css"),
        ('<p style="background: url(https://x.org/p.png)">', "loads https://x.org/p.png"),
        ('<script>fetch("https://api.org/stars")</script>', "loads https://api.org/stars"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(html, problem, tmp_path):
    folder = site(tmp_path, one=html, two="")
    assert check.problems(folder) == [f"{folder}/one.html: {problem}"]


def test_scripts_and_styles_are_looked_into(tmp_path):
    site(tmp_path, one="")
    (tmp_path / "a.css").write_text("@font-face { src: url('https://fonts.org/a.woff2') }")
    (tmp_path / "a.js").write_text('r.open("GET", "https://api.org/x"); // see https://x.org')
    assert check.problems(tmp_path) == [
        f"{tmp_path}/a.css: loads https://fonts.org/a.woff2",
        f"{tmp_path}/a.js: loads https://api.org/x",
    ]


def test_a_folder_without_pages_is_a_problem(tmp_path):
    assert check.problems(tmp_path) == [f"{tmp_path} has no page: expected a site that was built"]
    with pytest.raises(SystemExit, match="has no page"):
        check.main([str(tmp_path)])

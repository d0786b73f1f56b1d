"""What README.md, CONTRIBUTING.md and docs/ name is where they say: files, modules, links."""

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest

from tests.documented import PAGES, ROOT
from tests.test_imports import COMMANDS, MAY_IMPORT

NOTEBOOKS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.ipynb"))
NAMING = [*PAGES, *NOTEBOOKS]
_PATH = re.compile(r"(?<![\w/.-])(?:ila_jax|tests|configs|tools|docs|\.ci)/[\w./*-]*")
_DOTTED = re.compile(r"(?<![\w/.-])ila_jax(?:\.\w+)+")
_PLACE = re.compile(r"`(\w+)` in\s+`([\w/]+\.py)`")  # a name, and the module that defines it
_LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")  # not to other hosts


def problems(text: str, folder: Path = ROOT) -> list[str]:
    """What a page in `folder` names and what is not there."""
    paths = {path.rstrip(".") for path in _PATH.findall(text)}
    return sorted(
        [f"no path {path}" for path in paths if not any(ROOT.glob(path))]
        + [f"no name {name}" for name in set(_DOTTED.findall(text)) if not _is_name(name)]
        + [
            f"no {name} in {path}"
            for name, path in set(_PLACE.findall(text))
            if not _in(name, path)
        ]
        + [f"no link {link}" for link in set(_LINK.findall(text)) if not _leads(link, text, folder)]
    )


def _in(name: str, path: str) -> bool:
    return (ROOT / path).is_file() and name in _top(ROOT / path)


def _leads(link: str, text: str, folder: Path) -> bool:
    """Whether a link of the page in `text` leads to a file, and to a heading in it if it asks."""
    target, _, anchor = link.partition("#")
    if target and not (folder / target).exists():
        return False
    return not anchor or anchor in _headings((folder / target).read_text() if target else text)


def _is_name(dotted: str) -> bool:
    """Whether a module has that name, or a name at the top of a module, or of a class in it."""
    folder, *rest = dotted.split(".")
    if rest[0] == "configs":  # where they lie before they are installed
        folder, rest = "configs", rest[1:]
    path = ROOT / folder
    while rest and (path / rest[0]).is_dir():
        path /= rest.pop(0)
    if rest and (path / f"{rest[0]}.py").is_file():
        path = path / f"{rest.pop(0)}.py"
    else:
        path /= "__init__.py"
    return path.is_file() and (not rest or (len(rest) == 1 and rest[0] in _top(path)))


@functools.cache
def _top(path: Path) -> set[str]:
    """What is defined or imported at the top of a module. Nothing is imported, to stay quick."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
    return names


def _headings(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    outside_blocks = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)", outside_blocks, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", NAMING)
def test_what_a_page_names_exists(page):
    path = ROOT / page
    assert problems(path.read_text("utf-8"), path.parent) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_a_page_begins_with_what_it_is_for(page):
    """A title, and then sentences: no commands, lists or tables before it is clear for whom."""
    title, opening, *_ = (ROOT / page).read_text("utf-8").strip().split("\n\n")
    assert re.fullmatch(r"# .+", title)
    assert re.fullmatch(r"[\w\[*`][^|]*[.:]", opening)
    assert not opening.startswith("```")


@pytest.mark.parametrize(
    "room", sorted(ROOT.glob("ila_jax/**/__init__.py")), ids=lambda room: room.parent.name
)
def test_what_a_room_names_exists(room):
    text = ast.get_docstring(ast.parse(room.read_text("utf-8")))
    files = re.findall(r"`(\w+\.py)`", text)
    assert problems(text) + [name for name in files if not (room.parent / name).exists()] == []


# What commands write, and a page of another repository.
_NO_PAGES = {"card.md", "report.md", "results.md", "prompts.md"}


def test_pages_that_the_code_cites_exist():
    """By their names alone, as in `models.md 7a`, or with their folders."""
    pages = {path.name for where in ("*.md", "docs/**/*.md") for path in ROOT.glob(where)}
    texts = {
        path: path.read_text("utf-8")
        for folder in ("ila_jax", "configs", "tools")
        for path in ROOT.glob(f"{folder}/**/*.py")
    }
    cited = {(path, name) for path in texts for name in re.findall(r"([\w-]+\.md)", texts[path])}
    places = {
        (path, place) for path in texts for place in re.findall(r"docs/[\w/.-]+", texts[path])
    }
    assert len(cited) > 50
    assert [f"{path}: {name}" for path, name in sorted(cited) if name not in pages | _NO_PAGES] + [
        f"{path}: {place}"
        for path, place in sorted(places)
        if place.endswith(".md") and not (ROOT / place).exists()
    ] == []


def test_names_of_pages_are_unique():
    """So that the code may cite a page without its folder."""
    pages = [path for path in ROOT.glob("docs/**/*.md") if path.parent.name != "commands"]
    names = [path.name for path in pages if path.name != "index.md"]
    assert sorted(names) == sorted(set(names))


def test_what_is_not_there_is_found():
    text = (
        "# Read me\n`ila_jax/train/lop.py`, tests/train/*, configs/k401, ila_jax.train.loop.tran, "
        "ila_jax.nothing, ila_jax.train.loop.train and `ila_jax.load`. [a](README.md#status) "
        "[b](README.md#try-them) [c](gone.md) [d](#read-me) [e](#heed-me) [f](https://x.org/#y) "
        "`train` in `ila_jax/train/loop.py`, `tran` in\n`ila_jax/train/loop.py`"
    )
    assert problems(text) == [
        "no link #heed-me",
        "no link README.md#try-them",
        "no link gone.md",
        "no name ila_jax.nothing",
        "no name ila_jax.train.loop.tran",
        "no path configs/k401",
        "no path ila_jax/train/lop.py",
        "no tran in ila_jax/train/loop.py",
    ]


def test_the_map_of_the_code_has_every_room_and_every_module_outside_of_rooms():
    page = (ROOT / "docs/project/code.md").read_text("utf-8")
    rooms = [f"{file.parent.relative_to(ROOT)}/" for file in ROOT.glob("ila_jax/*/**/__init__.py")]
    modules = [str(file.relative_to(ROOT)) for file in ROOT.glob("ila_jax/[!_]*.py")]
    assert [name for name in [*rooms, *modules] if f"`{name}`" not in page] == []


def test_rooms_import_what_stands_above_them_on_the_map():
    page = (ROOT / "docs/project/code.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `ila_jax/")]
    rows = [re.findall(r"`ila_jax/(\S+?)/?(?:\.py)?`", line) for line in lines]
    row = {name.replace("/", "."): number for number, names in enumerate(rows) for name in names}

    def height(part):
        """The row of a part, or of the room around it: `models.layers` has none of its own."""
        return next(row[name] for name in (part, part.rpartition(".")[0]) if name in row)

    upwards = [
        f"{part} imports {other}"
        for part in MAY_IMPORT.keys() - COMMANDS - {""}
        for other in MAY_IMPORT[part]
        if height(other) > height(part)
    ]
    assert upwards == []


def test_every_extra_is_on_the_page_of_installation():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    rows = re.findall(r"^\| (`[^|]*) \|", (ROOT / "docs/how-to/install.md").read_text(), re.M)
    listed = [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]
    assert sorted(listed) == sorted(project["optional-dependencies"])

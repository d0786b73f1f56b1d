"""The import statements of a package's files, as names of modules."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Import(NamedTuple):
    """One import statement. lazy: runs when a function is called, or never (TYPE_CHECKING)."""

    line: int
    name: str
    lazy: bool


def module_name(root: Path, file: Path) -> str:
    """The dotted name below the package; "" for the package itself."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_below(name: str, parent: str) -> bool:
    """Whether a module is another, or in it."""
    return name == parent or name.startswith(f"{parent}.")


def imports_of(root: Path, file: Path, module: str) -> Iterator[Import]:
    """Every import of a file below a package's folder, in order."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    base = [root.name, *package.split(".")] if package else [root.name]
    for node, lazy in _nodes(ast.parse(file.read_text(), str(file)), lazy=False):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, lazy)
        elif isinstance(node, ast.ImportFrom):
            start = base[: len(base) - node.level + 1] if node.level else []
            stem = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(node.lineno, _resolve(root, stem, alias.name), lazy)
        elif (name := _called(node)) is not None:
            yield Import(node.lineno, name, lazy)


def _nodes(tree: ast.AST, lazy: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Every node, and whether it is left alone when the module is imported."""
    for child in ast.iter_child_nodes(tree):
        yield child, lazy
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        yield from _nodes(child, lazy or function or typing)


def _resolve(root: Path, stem: str, name: str) -> str:
    """`from stem import name`: the submodule of that name if there is one, else `stem`."""
    path = root.parent.joinpath(*stem.split("."), name)
    return f"{stem}.{name}" if path.is_dir() or path.with_suffix(".py").exists() else stem


def _called(node: ast.AST) -> str | None:
    """The module of `importlib.import_module("name")` and `__import__("name")`."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    name = node.args[0]
    if ast.unparse(node.func).endswith(("import_module", "__import__")) and isinstance(
        name, ast.Constant
    ):
        return str(name.value)
    return None

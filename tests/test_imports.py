"""Imports point one way, as a table: what each part of the package may import of the others."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "ila_jax"
# fmt: off
BASE = {
    "shapes", "sizes", "config", "tables", "json_files", "printable", "causes", "commands",
    "writable", "plain_name",
}
LIBRARY = BASE | {
    "cli", "models", "text", "data", "class_features", "recognizer", "weights", "train",
    "evaluation", "cost",
    "pictures", "serving",
}
COMMANDS = {
    "train.__main__", "data.check", "data.prepare", "pictures.measure", "evaluate", "predict",
    "convert", "visualize", "complexity", "compare", "benchmark", "extract", "export", "serve",
}
# fmt: on

# The part of a module is the longest name here that it starts with; "" is `ila_jax/__init__.py`,
# the public names. A part may import itself, and of the others those named and what is below them.
# A module of no part is an error.
MAY_IMPORT: dict[str, set[str]] = {
    "shapes": BASE,
    "sizes": BASE,
    "config": BASE,
    "tables": BASE,
    "json_files": BASE,
    "printable": BASE,
    "causes": BASE,
    "commands": BASE,
    "writable": BASE,
    "plain_name": BASE,
    "models.layers": BASE,
    "models.convolutions": BASE | {"models.layers"},
    "models.temporal": BASE | {"models.layers", "models.convolutions"},
    "models": BASE | {"models.layers", "models.temporal"},
    "text": BASE,
    "data": BASE,
    "class_features": BASE | {"models", "text"},
    # It is called with class names, and on videos.
    "recognizer": BASE | {"models", "text", "data", "class_features"},
    "weights": BASE | {"models", "text", "recognizer"},
    "train": BASE | {"models", "text", "data", "class_features", "recognizer", "weights", "cost"},
    "evaluation": BASE
    | {"models", "text", "data", "recognizer", "weights", "train", "cost", "pictures"},
    "cost": BASE | {"models"},
    "serving": BASE | {"models", "text", "data", "recognizer", "weights", "evaluation", "pictures"},
    "pictures": BASE | {"models", "text", "data", "recognizer", "weights"},
    "cli": BASE,
    "": BASE | {"models", "text", "data", "recognizer", "weights"},
    **{command: {"", *LIBRARY} for command in COMMANDS},  # the command lines: nothing imports them
}
# Outside packages that only some may import, and only inside the function that needs them:
# they are slow, or missing where nobody converts weights.
# fmt: off
LAZY = {
    "torch", "transformers", "huggingface_hub", "matplotlib", "apache_beam", "decord", "wandb",
    "gradio",
}
# fmt: on
NEVER = {"tensorflow": {""}, "torch": {"train", "data"}, "transformers": {"train", "data"}}


class Import(NamedTuple):
    """One import statement. lazy: runs when a function is called, or never (TYPE_CHECKING)."""

    line: int
    name: str
    lazy: bool


def violations(root: Path) -> list[str]:
    """Every import below a package's folder that breaks the rule, as `file:line: reason`."""
    found = []
    for file in sorted(root.rglob("*.py")):
        module = _module(root, file)
        source = _part(module)
        where = file.relative_to(root)
        if source is None:
            found.append(f"{where}: belongs to no part, add a row to MAY_IMPORT")
            continue
        for item in _imports(root, file, module):
            reason = _inside(root, item.name, source) or _outside(item, module)
            if reason:
                found.append(f"{where}:{item.line}: {reason}")
    return found


def _module(root: Path, file: Path) -> str:
    """The dotted name below the package; "" for the package itself."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _below(name: str, parent: str) -> bool:
    return name == parent or name.startswith(f"{parent}.")


def _part(module: str) -> str | None:
    if not module:
        return ""
    return max((p for p in MAY_IMPORT if p and _below(module, p)), key=len, default=None)


def _inside(root: Path, name: str, source: str) -> str | None:
    """Why a part may not import this name, if it is one of the package."""
    if not _below(name, root.name):
        return None
    # An attribute of the package itself has no part of its own: it is one of the public names.
    target = _part(name.removeprefix(root.name).removeprefix(".")) or ""
    allowed = target not in COMMANDS and any(_below(target, p) for p in MAY_IMPORT[source])
    if target == source or allowed:
        return None
    return f"{source or root.name} may not import {name}"


def _outside(item: Import, module: str) -> str | None:
    top = item.name.partition(".")[0]
    if any(not part or _below(module, part) for part in NEVER.get(top, ())):
        return f"{module} may not import {top} at all"
    if top in LAZY and not item.lazy:
        return f"{top} is imported at module level: import it in the function that needs it"
    return None


def _imports(root: Path, file: Path, module: str) -> Iterator[Import]:
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


def test_imports_point_one_way():
    assert violations(PACKAGE) == []


PLANTED = {
    "models/vit.py": "from ila_jax.data import decode",
    "models/mit.py": "def f():\n    import ila_jax.train.step",
    "models/temporal/ila.py": "from ila_jax.models.vit import Tower",
    "models/layers.py": "from ila_jax.models.temporal import ila",
    "models/heads.py": "from ila_jax.recognizer import create",
    "models/variants.py": "from ila_jax.text.tokenizer import tokenize",
    "data/decode.py": "from ..models.vit import Tower",
    "data/pipeline.py": "from ila_jax import train",
    "text/tokenizer.py": "from ila_jax.train.step import step",
    "weights/rules.py": "from ila_jax.data import decode",
    "train/loop.py": "from ila_jax.evaluation.views import views",
    "train/metrics.py": "import ila_jax.evaluation",
    "train/optim.py": "def f():\n    import torch",
    "data/torch.py": "import importlib\nimportlib.import_module('transformers')",
    "evaluation/report.py": "from ila_jax.train.__main__ import main",
    "evaluation/views.py": "from ila_jax import evaluate",
    "predict.py": "from ila_jax.evaluate import main",
    "convert.py": "class A:\n    import torch",
    "compare.py": "try:\n    from transformers import CLIPModel\nexcept ImportError:\n    pass",
    "sizes.py": "from ila_jax.models import vit",
    "config.py": "from .train.step import step",
    "shapes.py": "from ila_jax import create",
    "data/builder.py": "def f():\n    import tensorflow as tf",
    "helpers.py": "",
}
ALLOWED = {
    "__init__.py": "def create():\n    from ila_jax.models.vit import Tower",
    "models/vit.py": "import jax\nfrom ila_jax import config\nfrom .mit import A",
    "models/mit.py": "from ila_jax.sizes import SIZES\nfrom ila_jax.models.temporal import ila",
    "models/temporal/ila.py": "from ila_jax.models import layers",
    "recognizer.py": "from ila_jax.models.vit import A\nfrom ila_jax import data, text",
    "weights/rules.py": "def f():\n    import torch\n    from ila_jax.models.vit import A",
    "weights/files.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
    "train/__main__.py": "from ila_jax.train.loop import run\nfrom ila_jax.data import decode",
    "train/loop.py": "from . import step\nfrom ila_jax.weights import rules",
    "evaluation/views.py": "from ila_jax.train.step import step",
    "convert.py": "import ila_jax\nfrom ila_jax import weights, create\ndef f():\n    import torch",
}


def _plant(root: Path, files: dict[str, str]) -> Path:
    for part in ("models/temporal", "models", "data", "text", "weights", "train", "evaluation"):
        (root / part).mkdir(parents=True, exist_ok=True)
        (root / part / "__init__.py").touch()
    for module in (*BASE, "evaluate", "models/layers", "recognizer"):
        (root / f"{module}.py").touch()
    for name, text in files.items():
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name, tmp_path):
    root = _plant(tmp_path / "ila_jax", {name: PLANTED[name]})
    (found,) = violations(root)
    assert found.startswith(f"{name}:")


def test_what_is_allowed_is_not_found(tmp_path):
    assert violations(_plant(tmp_path / "ila_jax", ALLOWED)) == []


def test_importing_the_package_is_cheap():
    heavy = ["tensorflow", "torch", "transformers", "grain", "tensorflow_datasets", "orbax"]
    code = f"import sys, ila_jax; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

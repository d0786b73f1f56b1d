"""Imports point one way, as a table: what each part of the package may import of the others."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_statements import Import, imports_of, is_below, module_name

PACKAGE = Path(__file__).parents[1] / "ila_jax"
BASE = {
    "shapes", "sizes", "config", "tables", "files", "commands", "pixels", "temperature",
    "origin", "predictions", "freed_memory",
}  # fmt: skip
# Each of these rooms is a command, and no other room imports it; but `finetune` and `protocol`,
# themselves commands, call the others.
ROOMS_OF_COMMANDS = {
    "train.dry_run": {"train", "job", "cost", "data.synthetic"},
    "evaluate": {"job", "scoring", "pictures"},
    "compare": {"job", "scoring", "train", "cost", "pictures", "data.synthetic"},
    "extract": {"job"},
    "predict": {"answers"},
    "serve": {"answers", "pictures", "data.synthetic"},
    "benchmark": {"job", "train", "cost", "data.prepare"},
    "finetune": {"job", "scoring", "train", "evaluate", "data.check", "data.split"},
    "protocol": {"job", "scoring", "train", "evaluate", "finetune"},
}
# The command lines, which nothing imports, not even their own rooms.
# fmt: off
COMMANDS = {
    "train.__main__", "evaluate.__main__", "compare.__main__", "extract.__main__",
    "predict.__main__", "serve.__main__", "benchmark.__main__", "finetune.__main__",
    "protocol.__main__",
    "data.check.__main__",
    "data.prepare.__main__", "data.split.__main__", "data.synthetic.__main__",
    "data.synthetic.actions.__main__", "pictures.measure", "convert", "visualize", "timeline",
    "complexity", "export", "report", "upload",
}
LIBRARY = BASE | {
    "cli", "compilation_cache", "models", "text", "data.video", "data.class_names", "data.sources",
    "data.workers", "data.clips", "data.synthetic", "data.prepare", "data.check", "data.split",
    "class_features",
    "recognizer", "weights", "job", "scoring", "train", "cost", "pictures", "answers",
}
# fmt: on
READING = {"data.video", "data.class_names", "data.sources", "data.workers"}
MODEL = {"models", "text", "data.clips", "recognizer", "weights"} | READING

# The part of a module is the longest name here that it starts with; "" is `ila_jax/__init__.py`,
# the public names. A part may import itself, and of the others those named and what is below them.
# A module of no part is an error.
MAY_IMPORT: dict[str, set[str]] = {
    **{part: BASE for part in BASE},
    "cli": BASE,
    "compilation_cache": BASE,
    "models.barriers": BASE,
    "models.own_gradients": BASE | {"models.barriers"},
    "models.own_convolutions": BASE | {"models.barriers"},
    "models.nvidia": BASE,
    "models.layers": BASE | {"models.own_gradients", "models.nvidia"},
    "models.convolutions": BASE
    | {"models.layers", "models.own_gradients", "models.own_convolutions", "models.nvidia"},
    "models.temporal": BASE | {"models.own_gradients", "models.layers", "models.convolutions"},
    "models": BASE | {"models.layers", "models.convolutions", "models.temporal"},
    "text": BASE,
    # The host's side of data knows no model, and no jax but for the type of an array.
    "data": BASE,
    "data.video": BASE,
    "data.class_names": BASE | {"data.video"},
    "data.sources": BASE | {"data.video", "data.class_names"},
    "data.workers": BASE | {"data.video"},
    "data.clips": BASE | READING,
    "data.synthetic": BASE | {"data.workers"},
    "data.synthetic.actions": BASE | {"data.workers", "data.synthetic"},
    "data.prepare": BASE | READING,
    "data.check": BASE | READING | {"data.clips"},
    "data.split": BASE | READING | {"data.check"},
    "class_features": BASE | {"models", "text"},
    # It is called with class names, and on videos.
    "recognizer": BASE | {"models", "text", "data.clips", "class_features"} | READING,
    "weights.foreign.settings": BASE | {"text"},
    "weights.foreign.names": BASE | {"models", "text", "weights.foreign.settings"},
    "weights.foreign": BASE | {"weights.foreign.settings", "weights.foreign.names"},
    "weights": BASE | {"models", "text", "recognizer", "weights.foreign"},
    "cost": BASE | {"models"},
    "job": BASE | READING | {"data.clips"},
    "scoring": BASE | MODEL | {"job", "data.synthetic"},
    "train": BASE | MODEL | {"class_features", "job", "scoring", "cost", "data.synthetic"},
    "pictures": BASE | MODEL | {"data.synthetic"},
    "answers": BASE | MODEL,
    "": BASE | MODEL,
    **{room: BASE | MODEL | more for room, more in ROOMS_OF_COMMANDS.items()},
    **{command: {"", *LIBRARY} for command in COMMANDS},
}
# A command line uses its own room.
for command in COMMANDS:
    MAY_IMPORT[command].add(command.removesuffix(".__main__"))
MAY_IMPORT["train.__main__"].add("train.dry_run")
# Outside packages that only some may import, and only inside the function that needs them:
# they are slow, or missing where nobody converts weights.
# fmt: off
LAZY = {
    "torch", "transformers", "huggingface_hub", "matplotlib", "apache_beam", "decord", "wandb",
    "gradio", "torchcodec", "jax2onnx", "onnx", "onnxruntime",
}
# fmt: on
NEVER = {
    "tensorflow": {""},
    "sklearn": {""},
    "torch": {"train", "data"},
    "transformers": {"train", "data"},
}


def violations(root: Path) -> list[str]:
    """Every import below a package's folder that breaks the rule, as `file:line: reason`."""
    found = []
    for file in sorted(root.rglob("*.py")):
        module = module_name(root, file)
        source = _part(module)
        where = file.relative_to(root)
        if source is None:
            found.append(f"{where}: belongs to no part, add a row to MAY_IMPORT")
            continue
        for item in imports_of(root, file, module):
            reason = _inside(root, item.name, source) or _outside(item, module)
            if reason:
                found.append(f"{where}:{item.line}: {reason}")
    return found


def _part(module: str) -> str | None:
    if not module:
        return ""
    return max((p for p in MAY_IMPORT if p and is_below(module, p)), key=len, default=None)


def _inside(root: Path, name: str, source: str) -> str | None:
    """Why a part may not import this name, if it is one of the package."""
    if not is_below(name, root.name):
        return None
    # An attribute of the package itself has no part of its own: it is one of the public names.
    target = _part(name.removeprefix(root.name).removeprefix(".")) or ""
    allowed = target not in COMMANDS and any(is_below(target, p) for p in MAY_IMPORT[source])
    if target == source or allowed:
        return None
    return f"{source or root.name} may not import {name}"


def _outside(item: Import, module: str) -> str | None:
    top = item.name.partition(".")[0]
    if any(not part or is_below(module, part) for part in NEVER.get(top, ())):
        return f"{module} may not import {top} at all"
    if top in LAZY and not item.lazy:
        return f"{top} is imported at module level: import it in the function that needs it"
    return None


def test_imports_point_one_way():
    assert violations(PACKAGE) == []


PLANTED = {
    "models/vit.py": "from ila_jax.data.video import decode",
    "models/mit.py": "def f():\n    import ila_jax.train.step",
    "models/temporal/ila.py": "from ila_jax.models.vit import Tower",
    "models/layers.py": "from ila_jax.models.temporal import ila",
    "models/heads.py": "from ila_jax.recognizer import create",
    "models/variants.py": "from ila_jax.text.tokenizer import tokenize",
    "data/video/decode.py": "from ...models.vit import Tower",
    "data/video/limits.py": "from ila_jax.data.clips import pipeline",
    "data/sources/tfds_source.py": "from ila_jax.data.prepare import builder",
    "data/clips/pipeline.py": "from ila_jax import train",
    "data/check/probe.py": "from ila_jax.data.check.__main__ import main",
    "data/prepare/shards.py": "from ila_jax.data import check",
    "text/tokenizer.py": "from ila_jax.train.step import step",
    "weights/rules.py": "from ila_jax.data.video import decode",
    "weights/foreign/hub.py": "from ila_jax.weights.folder import load",
    "weights/foreign/names/rules.py": "from ila_jax.weights.foreign import hub",
    "job/lock.py": "from ila_jax.train.loop import train",
    "scoring/metrics.py": "from ila_jax.evaluate.views import views",
    "train/loop.py": "from ila_jax.evaluate.views import views",
    "train/metrics.py": "import ila_jax.evaluate",
    "train/step.py": "from ila_jax.train.dry_run import plan",
    "train/optimizers.py": "def f():\n    import torch",
    "data/video/torch.py": "import importlib\nimportlib.import_module('transformers')",
    "evaluate/report.py": "from ila_jax.train.step import step",
    "evaluate/views.py": "from ila_jax.evaluate.__main__ import main",
    "evaluate/__main__.py": "from ila_jax.compare import figure",
    "compare/figure.py": "from ila_jax.evaluate import report",
    "evaluate/results.py": "from ila_jax.finetune import card",
    "convert.py": "class A:\n    import torch",
    "complexity.py": "try:\n    from transformers import CLIPModel\nexcept ImportError:\n    pass",
    "sizes.py": "from ila_jax.models import vit",
    "config.py": "from .train.step import step",
    "shapes.py": "from ila_jax import create",
    "data/prepare/builder.py": "def f():\n    import tensorflow as tf",
    "data/helpers.py": "from ila_jax.data.video import decode",
    "helpers.py": "",
}
ALLOWED = {
    "__init__.py": "def create():\n    from ila_jax.models.vit import Tower",
    "models/vit.py": "import jax\nfrom ila_jax import config\nfrom .mit import A",
    "models/mit.py": "from ila_jax.sizes import SIZES\nfrom ila_jax.models.temporal import ila",
    "models/temporal/ila.py": "from ila_jax.models import layers",
    "recognizer.py": "from ila_jax.models.vit import A\nfrom ila_jax import text",
    "weights/rules.py": "def f():\n    import torch\n    from ila_jax.models.vit import A",
    "weights/files.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
    "weights/folder.py": "from ila_jax.weights.foreign import hub",
    "train/__main__.py": "from ila_jax.train.loop import run\nfrom ila_jax.data.video import bad",
    "train/loop.py": "from . import step\nfrom ila_jax.weights import rules",
    "train/dry_run/plan.py": "from ila_jax.train.step import step",
    "compare/__main__.py": "from ila_jax.train import step\nfrom ila_jax.compare import figure",
    "finetune/stages.py": "from ila_jax.evaluate import evaluator",
    "convert.py": "import ila_jax\nfrom ila_jax import weights, create\ndef f():\n    import torch",
}


def _plant(root: Path, files: dict[str, str]) -> Path:
    rooms = [part for part in MAY_IMPORT if "." in part and part not in COMMANDS]
    rooms += ["text", "job", "scoring", *ROOMS_OF_COMMANDS]
    for room in rooms:
        if room not in ("models.own_gradients", "models.layers", "models.convolutions"):
            folder = root.joinpath(*room.split("."))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").touch()
    for module in (*BASE, "models/layers", "recognizer"):
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


def test_training_and_evaluation_import_no_tfds():
    """Which takes half a second, and only the sources tfds: and prepared: need it."""
    code = "import sys, ila_jax.train.loop, ila_jax.evaluate.evaluator, ila_jax.evaluate.subject\n"
    code += "print('jax' in sys.modules, 'tensorflow_datasets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False"


def test_importing_the_package_is_cheap():
    # What comes from outside the standard library costs, whatever it is. `-S`: nothing that an
    # environment loads by itself is counted.
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]; import ila_jax\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(tops - sys.stdlib_module_names - {'__main__', 'ila_jax'}))"
    )
    python = [sys.executable, "-S", "-c", code, str(PACKAGE.parent)]
    loaded = subprocess.run(python, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"

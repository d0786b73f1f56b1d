"""Says what a file of weights is, without converting it: `python -m ila_jax.convert --inspect`.

`inspect` gathers the facts, as `--json` writes them, and `table` shows them to a reader.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ila_jax.config import ModelConfig, differences
from ila_jax.models.model import abstract
from ila_jax.weights.conversion import NAMES, non_finite, part_in_words, reasons
from ila_jax.weights.foreign.files import Foreign, read
from ila_jax.weights.foreign.names import official
from ila_jax.weights.foreign.names.recognise import OFFICIAL, kind_of, recognise, rules_of
from ila_jax.weights.foreign.names.rules import flat, is_waived

# Zero at the start, and the last layer of the alignment: whoever trained it has moved it.
_ALIGNMENT = ".prediction_block.12.weight"


def inspect(
    source: str | Path, expected: ModelConfig | None, *, entry: str | None = None
) -> dict[str, Any]:
    """The facts of a file, with the keys that docs/how-to/weights.md explains.

    expected: a model to compare with; adds the key "differences". entry: which model of the file,
    as in `conversion.convert_file`.
    Errors: ValueError, as `files.read` and `recognise` raise it.
    """
    foreign = read(source, entry)
    shapes = {name: np.shape(value) for name, value in foreign.state.items()}
    kind, config = kind_of(shapes), recognise(shapes, foreign.configuration)
    geometry = config.geometry()
    # CLIP has no frames, no head, and no convolutions, whatever model it may become.
    alone = kind == "clip"
    facts = {
        "source": str(source),
        "model": NAMES[kind],
        "form": foreign.form,
        "size": config.size,
        "convolutions": config.convolutions if kind == "ila" else None,
        "head": None if alone else config.head,
        "frames": None if alone else config.frames,
        "classes": config.classes,
        "resolution": geometry.resolution,
        "patch": geometry.patch,
        "precision": _precision(foreign),
        "parameters": sum(math.prod(s) for n, s in shapes.items() if not _is_buffer(n)),
        "tensors": len(shapes),
        "bytes": foreign.bytes,
        "alignment_trained": _alignment_trained(foreign.state) if kind == "ila" else None,
        "activation_known": foreign.activation or not alone,
        "non_finite": non_finite(foreign.state.items()),
        "parts": _parts(config, shapes, clip_only=alone),
        "left": dict(foreign.skipped),
        "settings": foreign.settings,
    }
    if expected is not None:
        facts["differences"] = _differences(config, shapes, expected)
    return facts


def _precision(foreign: Foreign) -> dict[str, int]:
    """The number of tensors of each type of numbers; counters are not counted."""
    # Counters are whole numbers in every file, and say nothing of its precision.
    floats = (v.dtype.name for n, v in foreign.state.items() if not is_waived(n, official.WAIVED))
    return dict(Counter(floats))


def _is_buffer(name: str) -> bool:
    """Whether a tensor is not learnt: running statistics and counters."""
    return name.endswith(("running_mean", "running_var")) or is_waived(name, official.WAIVED)


def _alignment_trained(state: Mapping[str, np.ndarray]) -> bool:
    return any(value.any() for name, value in state.items() if name.endswith(_ALIGNMENT))


def _parts(config: ModelConfig, shapes: Mapping[str, tuple[int, ...]], *, clip_only: bool) -> Any:
    """The numbers of tensors and parameters of each part of the model.

    The part `unknown` holds the tensors that no rule knows. clip_only: only CLIP's rules are asked.
    """
    rules = rules_of(config, clip_only=clip_only)
    parts: dict[str, dict[str, int]] = {}
    for name, shape in shapes.items():
        if is_waived(name, official.WAIVED):
            continue
        path = next((path for rule in rules if (path := rule.match(name))), None)
        part = parts.setdefault(
            part_in_words(path) if path else "unknown", {"tensors": 0, "parameters": 0}
        )
        part["tensors"] += 1
        part["parameters"] += 0 if _is_buffer(name) else math.prod(shape)
    return parts


def _differences(
    config: ModelConfig, shapes: Mapping[str, tuple[int, ...]], expected: ModelConfig
) -> dict[str, list[str]]:
    """How the file differs from a model: in its configuration, and in its tensors by name."""
    model_shapes = _official_shapes(expected)
    # These two are in no tensor, so that they are no differences of the file.
    config = dataclasses.replace(config, pixels=expected.pixels, templates=expected.templates)
    file_shapes = {n: s for n, s in shapes.items() if not is_waived(n, official.WAIVED)}
    return {
        "config": differences(config, expected),
        "missing": sorted(model_shapes.keys() - file_shapes.keys()),
        "unexpected": sorted(file_shapes.keys() - model_shapes.keys()),
        "shape": [
            f"{name}: {list(file_shapes[name])} in the file, {list(model_shapes[name])} expected"
            for name in sorted(file_shapes.keys() & model_shapes.keys())
            if file_shapes[name] != model_shapes[name]
        ],
    }


def _official_shapes(expected: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The official names and shapes of a model; one without an official name is under its path."""
    # A temporal model without official names has those of its towers and heads.
    is_official = expected.temporal in OFFICIAL
    rules = rules_of(expected if is_official else dataclasses.replace(expected, temporal="spatial"))
    model_shapes: dict[str, tuple[int, ...]] = {}
    for path, value in flat(abstract(expected)).items():
        rule = next((rule for rule in rules if rule.inverse(path) is not None), None)
        if rule is None:
            model_shapes[path] = value.shape
        else:
            # Moved as an array would be, since only the layout knows PyTorch's order of axes.
            empty = np.empty(value.shape, np.bool_)
            model_shapes[str(rule.inverse(path))] = rule.layout.to_torch(empty).shape
    return model_shapes


def table(facts: Mapping[str, Any]) -> str:
    """The facts of `inspect` as a table for a reader."""
    precision = ", ".join(f"{name} ({count})" for name, count in facts["precision"].items())
    # A null would say nothing to a reader: each value has its own text.
    trained = {True: "yes", False: "no: its last layer is still zero", None: "has none"}
    rows = [
        ("model", facts["model"]),
        ("form", facts["form"]),
        ("size", f"{facts['size']}, patch {facts['patch']}, {facts['resolution']} px"),
        ("frames", facts["frames"] or "of images, no frames"),
        ("head", facts["head"] or "none"),
        ("classes", facts["classes"] or "given by names"),
        ("convolutions", facts["convolutions"] or "none"),
        ("alignment trained", trained[facts["alignment_trained"]]),
        ("precision", precision),
        ("parameters", f"{facts['parameters']:,} in {facts['tensors']} tensors"),
        ("file", f"{facts['bytes']:,} bytes"),
        ("NaN or infinite", ", ".join(facts["non_finite"]) or "none"),
    ]
    lines = [f"{name:18} {value}" for name, value in rows]
    lines += ["", f"{'part':24} {'tensors':>8} {'parameters':>13}"]
    lines += [
        f"{part:24} {row['tensors']:8} {row['parameters']:13,}"
        for part, row in facts["parts"].items()
    ]
    lines += ["", *(f"left    {line}" for line in reasons(facts["left"]))] if facts["left"] else []
    if "differences" in facts:
        lines += ["", *_difference_lines(facts["differences"])]
    return "\n".join(lines)


def _difference_lines(differences: Mapping[str, list[str]]) -> list[str]:
    """A line for each difference from the model of --config."""
    titles = {
        "config": "differs from --config (file, config)",
        "missing": "missing for --config",
        "unexpected": "not in --config's model",
        "shape": "of another shape",
    }
    lines = [f"{titles[key]}: {item}" for key, items in differences.items() for item in items]
    return lines or ["the same as --config in every tensor"]

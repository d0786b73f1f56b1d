"""From a foreign file to a Recognizer of the model that is wanted, with a report."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict
from tqdm import tqdm

from ila_jax.config import ModelConfig
from ila_jax.models.variants import variant
from ila_jax.recognizer import Recognizer
from ila_jax.weights.adapt import Allow, Report, adapt
from ila_jax.weights.foreign.files import Foreign, read
from ila_jax.weights.state_dict import read_state

NAMES = {"clip": "CLIP", "spatial": "CLIP with X-CLIP's heads", "xclip": "X-CLIP", "ila": "ILA"}
_ACTIVATION = (
    "the file does not say how it computes: as OpenAI's CLIP and its copies do (QuickGELU, heads "
    "of 64 channels, eps 1e-5) is assumed. Most other models of open_clip use GELU, large ones "
    "wider heads: convert those from their folder, whose configuration says so"
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the weights shall become. config: a model; None takes the file's own.

    frames, resolution: others than the file's, interpolated. reset_head: a fresh linear head.
    """

    config: ModelConfig | None = None
    frames: int | None = None
    resolution: int | None = None
    reset_head: bool = False
    class_names: Sequence[str] | None = None
    seed: int = 0

    def model(self, there: ModelConfig) -> ModelConfig:
        """The model wanted, where the file holds another. Errors: ValueError."""
        changes = {"frames": self.frames, "resolution": self.resolution}
        wanted: dict[str, Any] = {k: v for k, v in changes.items() if v is not None}
        config = dataclasses.replace(self.config or there, **wanted)
        config.geometry()  # Errors: a resolution that is no multiple of the patch
        if config.frames < 1:
            raise ValueError(f"frames is {config.frames}: expected a positive number")
        return config

    @property
    def allow(self) -> Allow:
        return Allow(
            frames=self.frames is not None,
            resolution=self.resolution is not None,
            reset_head=self.reset_head,
        )


@dataclass(frozen=True)
class Conversion:
    """A converted file. official: how the file's own model is called."""

    foreign: Foreign
    official: str
    there: ModelConfig
    recognizer: Recognizer
    report: Report


def convert_file(source: str | Path, wish: Wish, *, entry: str | None = None) -> Conversion:
    """The weights of a file in the model wanted.

    entry: which of its models, where the file holds several: an entry, or a prefix of names.
    Errors: ValueError in words: see `files.read`, `read_state`, `adapt`.
    """
    foreign = read(source, entry)
    there, variables, origin = read_state(foreign.state, foreign.configuration)
    recognizer, report = adapt(
        there, variables, origin, wish.model(there), allow=wish.allow, seed=wish.seed
    )
    names = _checked(wish.class_names, recognizer.config)
    recognizer = Recognizer(recognizer.config, recognizer.variables, names, recognizer.origin)
    if origin.kind == "clip" and not foreign.activation:
        report.notes.append(_ACTIVATION)
    if foreign.configuration is not None:
        report.notes += foreign.configuration.words()
    if any(dtype == "float64" for dtype in origin.dtypes.values()):
        report.notes.append("the file is in float64; the weights were rounded to float32")
    bad = non_finite(foreign.state.items())
    report.notes += [f"warning: {name} holds NaN or infinite values" for name in bad]
    report.left |= foreign.left
    return Conversion(foreign, NAMES[origin.kind], there, recognizer, report)


def non_finite(arrays: Collection[tuple[str, np.ndarray]]) -> list[str]:
    """The names of the arrays that hold NaN or infinite values."""
    checked = tqdm(arrays, desc="checking", unit=" tensors", disable=None)
    return [name for name, value in checked if not np.isfinite(value).all()]


def _checked(names: Sequence[str] | None, config: ModelConfig) -> Sequence[str] | None:
    if isinstance(names, str):
        raise ValueError(
            f"class names are {names!r}: expected a list of names, such as [{names!r}]"
        )
    if names is not None and config.classes is not None and len(names) != config.classes:
        raise ValueError(
            f"there are {len(names)} class names, and the linear head has {config.classes} "
            "classes: give a name for each, one a line"
        )
    return names


def summary(conversion: Conversion) -> str:
    """The report in words: what was loaded, what is new, what was left and why."""
    report, config = conversion.report, conversion.recognizer.config
    sizes = _sizes(conversion.recognizer)
    lines = [
        f"found   {conversion.official}, {describe(conversion.there)}; {conversion.foreign.form}",
        f"made    {describe(config)}",
        f"loaded  {len(report.loaded)} tensors, {sum(sizes[p] for p in report.loaded):,} numbers",
    ]
    lines += [f"new     {line}" for line in _grouped(report.new, sizes)] or ["new     nothing"]
    lines += [f"left    {line}" for line in reasons(report.left)]
    lines += [f"note    {note}" for note in report.notes]
    return "\n".join(lines)


def describe(config: ModelConfig) -> str:
    """A model in a line."""
    geometry = config.geometry()
    head = "text head" if config.head == "text" else f"linear head, {config.classes} classes"
    form = f" ({config.convolutions} convolutions)" if variant(config).aligns else ""
    return (
        f"{config.size} {config.temporal}{form}, {config.frames} frames of "
        f"{geometry.resolution} px, {head}"
    )


def part_of(path: str) -> str:
    """The part of the model that a path of ours belongs to."""
    first = path.split("/")[0]
    if first == "visual":
        return "temporal model" if "/temporal" in path else "image tower"
    return {"text": "text tower", "mit": "multi-frame integration", "head": "head"}[first]


def _grouped(paths: Sequence[str], sizes: dict[str, int]) -> list[str]:
    parts: dict[str, list[str]] = {}
    for path in paths:
        parts.setdefault(part_of(path), []).append(path)
    return [
        f"{part}: {len(found)} tensors, {sum(sizes[p] for p in found):,} numbers, as a fresh model "
        "starts"
        for part, found in parts.items()
    ]


def reasons(left: dict[str, str]) -> list[str]:
    """What was left: one line for each reason."""
    names: dict[str, list[str]] = {}
    for name, why in left.items():
        names.setdefault(why, []).append(name)
    return [
        ", ".join(found[:3])
        + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        + f": {why}"
        for why, found in names.items()
    ]


def _sizes(recognizer: Recognizer) -> dict[str, int]:
    trees = (flatten_dict(tree, sep="/") for tree in recognizer.variables)
    return {path: math.prod(np.shape(value)) for tree in trees for path, value in tree.items()}

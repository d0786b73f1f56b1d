"""From a foreign file to a Recognizer of the model that is wanted, with a report.

A conversion has four steps. Each has its own module, and needs nothing of those after it:

1. `foreign.files.read` gets the tensors out of the file or folder, and gives them official names:
   those of the released PyTorch code, whatever the library called them. A configuration beside them
   is read key by key (`foreign.settings`), and refused where our models compute otherwise.
2. `foreign.names.recognise` tells from the official names and the shapes which model they make.
3. `foreign.names.rules.convert` moves each tensor to its path, and its axes to our order. The
   tables of the rules are in `foreign.names.official`. (`state_dict.read_state` is steps 2 and 3.)
4. `adapt` puts these weights into the model that is wanted, which may be another one: it
   interpolates positions where that was asked for, and what the file does not hold starts fresh.

Every step refuses what it cannot be sure of, with all its reasons at once. `convert_file` runs the
steps, `summary` says what came of them, and `folder.save` writes the result. `state_dict` has the
way back. How to add the names of another model's checkpoint: `foreign.names`.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ila_jax.config import ModelConfig
from ila_jax.models.variants import variant
from ila_jax.recognizer import Recognizer
from ila_jax.weights.adapt import Allow, Report, adapt
from ila_jax.weights.foreign.files import Foreign, read
from ila_jax.weights.foreign.names.rules import flat
from ila_jax.weights.state_dict import read_state

# What users call the kinds of models that `recognise` tells apart.
NAMES = {"clip": "CLIP", "spatial": "CLIP with X-CLIP's heads", "xclip": "X-CLIP", "ila": "ILA"}
_ACTIVATION = (
    "the file does not say how it computes: as OpenAI's CLIP and its copies do (QuickGELU, heads "
    "of 64 channels, eps 1e-5) is assumed. Most other models of open_clip use GELU, large ones "
    "wider heads: convert those from their folder, whose configuration says so"
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the weights shall become.

    config: the model; None takes the file's own. frames, resolution: in its place, which
    interpolates position embeddings; the resolution is in pixels. reset_head: start a linear head
    anew where its classes differ. class_names: in the order of the classes. seed: of what starts
    fresh.
    """

    config: ModelConfig | None = None
    frames: int | None = None
    resolution: int | None = None
    reset_head: bool = False
    class_names: Sequence[str] | None = None
    seed: int = 0

    def model(self, file_model: ModelConfig) -> ModelConfig:
        """The model that is wanted, out of that of the file.

        Errors: ValueError for a resolution or a number of frames that no model can have.
        """
        wishes = {"frames": self.frames, "resolution": self.resolution}
        changes: dict[str, Any] = {k: v for k, v in wishes.items() if v is not None}
        config = dataclasses.replace(self.config or file_model, **changes)
        config.geometry()  # Errors: a resolution that is no multiple of the patch
        if config.frames < 1:
            raise ValueError(f"frames is {config.frames}: expected a positive number")
        return config

    @property
    def allow(self) -> Allow:
        """What may change on the way: only what was wished for by name, not by a configuration."""
        return Allow(
            frames=self.frames is not None,
            resolution=self.resolution is not None,
            reset_head=self.reset_head,
        )


@dataclass(frozen=True)
class Conversion:
    """A converted file: what was read, the model in it, and the recognizer made of it.

    model_name: what users call the model in the file, as in `NAMES`.
    """

    foreign: Foreign
    model_name: str
    file_model: ModelConfig
    recognizer: Recognizer
    report: Report


def convert_file(source: str | Path, wish: Wish, *, entry: str | None = None) -> Conversion:
    """The weights of a file or folder, in the model that is wanted. The steps are those above.

    entry: which of its models, where the file holds several: an entry, or a prefix of names.
    Errors: ValueError in words, as `files.read`, `read_state` and `adapt` raise it.
    """
    foreign = read(source, entry)
    file_model, variables, origin = read_state(foreign.state, foreign.configuration)
    target = wish.model(file_model)
    recognizer, report = adapt(
        file_model, variables, origin, target, allow=wish.allow, seed=wish.seed
    )
    # Checked last, as only the target says how many classes there are.
    names = _checked(wish.class_names, recognizer.config)
    recognizer = Recognizer(recognizer.config, recognizer.variables, names, recognizer.origin)
    # The released video models all compute so; copies of CLIP do not.
    if origin.kind == "clip" and not foreign.activation:
        report.notes.append(_ACTIVATION)
    if foreign.configuration is not None:
        report.notes += foreign.configuration.words()
    if any(dtype == "float64" for dtype in origin.dtypes.values()):
        report.notes.append("the file is in float64; the weights were rounded to float32")
    # Of the file's tensors and not of ours, so that the names are those that its owner knows.
    bad = non_finite(foreign.state.items())
    report.notes += [f"warning: {name} holds NaN or infinite values" for name in bad]
    report.left |= foreign.left
    return Conversion(foreign, NAMES[origin.kind], file_model, recognizer, report)


def non_finite(arrays: Collection[tuple[str, np.ndarray]]) -> list[str]:
    """The names of the arrays that hold NaN or infinite values. Reads all of them, with a bar."""
    checked = tqdm(arrays, desc="checking", unit=" tensors", disable=None)
    return [name for name, value in checked if not np.isfinite(value).all()]


def _checked(names: Sequence[str] | None, config: ModelConfig) -> Sequence[str] | None:
    """The class names. Errors: ValueError unless they are a list, with one for each class."""
    # A string is a sequence of strings as well, and would become a class for each letter.
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
    # By the paths of the recognizer, which has every parameter; the file may have fewer.
    sizes = _sizes(conversion.recognizer)
    # "new" is printed in any case: with nothing in it, the file held the whole model.
    lines = [
        f"found   {conversion.model_name}, {describe(conversion.file_model)}; "
        f"{conversion.foreign.form}",
        f"made    {describe(config)}",
        f"loaded  {len(report.loaded)} tensors, {sum(sizes[p] for p in report.loaded):,} numbers",
    ]
    lines += [f"new     {line}" for line in _grouped(report.new, sizes)] or ["new     nothing"]
    lines += [f"left    {line}" for line in reasons(report.left)]
    lines += [f"note    {note}" for note in report.notes]
    return "\n".join(lines)


def describe(config: ModelConfig) -> str:
    """A model in a line: its size, temporal model, frames, resolution and head."""
    geometry = config.geometry()
    head = "text head" if config.head == "text" else f"linear head, {config.classes} classes"
    form = f" ({config.convolutions} convolutions)" if variant(config).aligns else ""
    return (
        f"{config.size} {config.temporal}{form}, {config.frames} frames of "
        f"{geometry.resolution} px, {head}"
    )


def part_of(path: str) -> str:
    """The part of the model that a path of ours belongs to, in words."""
    first = path.split("/")[0]
    if first == "visual":
        return "temporal model" if "/temporal" in path else "image tower"
    return {"text": "text tower", "mit": "multi-frame integration", "head": "head"}[first]


def _grouped(paths: Sequence[str], sizes: dict[str, int]) -> list[str]:
    """A line for each part of the model, with the numbers of its tensors and of their elements."""
    parts: dict[str, list[str]] = {}
    for path in paths:
        parts.setdefault(part_of(path), []).append(path)
    return [
        f"{part}: {len(members)} tensors, {sum(sizes[p] for p in members):,} numbers, as a fresh "
        "model starts"
        for part, members in parts.items()
    ]


def reasons(left: dict[str, str]) -> list[str]:
    """A line for each reason why something was left, with the first three names of it."""
    names_of: dict[str, list[str]] = {}
    for name, why in left.items():
        names_of.setdefault(why, []).append(name)
    return [
        ", ".join(names[:3])
        + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        + f": {why}"
        for why, names in names_of.items()
    ]


def _sizes(recognizer: Recognizer) -> dict[str, int]:
    """The number of elements of each array, by its path."""
    return {path: math.prod(np.shape(x)) for path, x in flat(recognizer.variables).items()}

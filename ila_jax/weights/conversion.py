"""Converts a foreign file into a Recognizer of the wanted model, with a report.

A conversion has four steps. Each has its own module, and does not depend on later ones:

1. `foreign.files.read` gets the tensors out of the file or folder, and gives them official names:
   those of the released PyTorch code, whatever the library called them. A configuration next to
   them is read key by key (`foreign.settings`), and refused where our models compute otherwise.
2. `foreign.names.recognise` tells from the official names and the shapes which model they make.
3. `foreign.names.rules.convert` moves each tensor to its path, and its axes to our order. The
   tables of the rules are in `foreign.names.official`. (`state_dict.read_state` is steps 2 and 3.)
4. `adapt` puts these weights into the model that is wanted, which may be another one: it
   interpolates positions where that was asked for, and what the file does not hold starts fresh.

Each step raises one ValueError that lists everything it is unsure of. `convert_file` runs the
steps, `summary` reports what they did, and `folder.save` writes the result. The reverse conversion
is in `state_dict`. `foreign.names` says how to add the names of another model's checkpoint.
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
from ila_jax.models.parts import part_of
from ila_jax.models.variants import variant
from ila_jax.recognizer import Recognizer
from ila_jax.weights.adapt import Allow, Report, adapt
from ila_jax.weights.foreign.files import Foreign, read
from ila_jax.weights.foreign.names.rules import flat
from ila_jax.weights.state_dict import read_state

# What users call the kinds of models that `recognise` tells apart.
NAMES = {"clip": "CLIP", "spatial": "CLIP with X-CLIP's heads", "xclip": "X-CLIP", "ila": "ILA"}
_ASSUMED_ACTIVATION = (
    "the file does not name its activation; OpenAI CLIP's is assumed (QuickGELU, heads of 64 "
    "channels, eps 1e-5). Most other open_clip models use GELU, and the large ones have wider "
    "heads: convert those from their folder, whose configuration says so"
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The model to convert into.

    config: the model; None takes the file's own. frames, resolution (in pixels): override the
    config's; position embeddings are then interpolated. reset_head: whether a linear head for
    another number of classes is replaced by a newly initialised one. class_names: in the order of
    the classes. seed: seed for newly initialised parameters.
    """

    config: ModelConfig | None = None
    frames: int | None = None
    resolution: int | None = None
    reset_head: bool = False
    class_names: Sequence[str] | None = None
    seed: int = 0

    def model(self, file_model: ModelConfig) -> ModelConfig:
        """The configuration to convert into, when the file holds the model `file_model`.

        Errors: ValueError for a resolution or a number of frames that no model can have.
        """
        overrides = {"frames": self.frames, "resolution": self.resolution}
        changes: dict[str, Any] = {k: v for k, v in overrides.items() if v is not None}
        config = dataclasses.replace(self.config or file_model, **changes)
        config.geometry()  # Errors: a resolution that is no multiple of the patch
        if config.frames < 1:
            raise ValueError(f"frames is {config.frames}: expected a positive number")
        return config

    @property
    def allow(self) -> Allow:
        """What may differ from the file: only the overrides that are given here.

        `config` allows nothing, so that a configuration alone never interpolates positions
        silently.
        """
        return Allow(
            frames=self.frames is not None,
            resolution=self.resolution is not None,
            reset_head=self.reset_head,
        )


@dataclass(frozen=True)
class Conversion:
    """A converted file: what was read, the model in it, and the recognizer made of it.

    model_name: what users call the model in the file, a value of `NAMES`.
    """

    foreign: Foreign
    model_name: str
    file_model: ModelConfig
    recognizer: Recognizer
    report: Report


def convert_file(source: str | Path, target: Target, *, entry: str | None = None) -> Conversion:
    """Converts the weights of a file or folder into the target, by the four steps above.

    entry: which of its models, where the file holds several: an entry, or a prefix of names.
    Errors: ValueError with a message, from `files.read`, `read_state` or `adapt`, or for class
    names that do not fit the head.
    """
    foreign = read(source, entry)
    # `origin` keeps what our variables do not, such as the file's precision: the reverse conversion
    # needs it.
    file_model, variables, origin = read_state(foreign.state, foreign.configuration)
    config = target.model(file_model)
    recognizer, report = adapt(
        file_model, variables, origin, config, allow=target.allow, seed=target.seed
    )
    # After `adapt`: where the config has another number of classes than the file, its message names
    # the cause, and that the class names do not fit is only a consequence.
    names = _checked_class_names(target.class_names, config)
    recognizer = Recognizer(recognizer.config, recognizer.variables, names, recognizer.origin)
    # Released video models all use QuickGELU; a CLIP file may not, so say what was assumed.
    if origin.kind == "clip" and not foreign.activation:
        report.notes.append(_ASSUMED_ACTIVATION)
    if foreign.configuration is not None:
        report.notes += foreign.configuration.report_notes()
    if any(dtype == "float64" for dtype in origin.dtypes.values()):
        report.notes.append("the file is in float64; the weights were rounded to float32")
    # Check the file's tensors, not ours: the user knows those names.
    bad = non_finite(foreign.state.items())
    report.notes += [f"warning: {name} holds NaN or infinite values" for name in bad]
    report.skipped |= foreign.skipped
    return Conversion(foreign, NAMES[origin.kind], file_model, recognizer, report)


def non_finite(arrays: Collection[tuple[str, np.ndarray]]) -> list[str]:
    """The names of the arrays that hold NaN or infinite values.

    It reads every array, which takes a while, and shows a progress bar.
    """
    checked = tqdm(arrays, desc="checking", unit=" tensors", disable=None)
    return [name for name, value in checked if not np.isfinite(value).all()]


def _checked_class_names(names: Sequence[str] | None, config: ModelConfig) -> Sequence[str] | None:
    """The same class names. Errors: ValueError unless they are a list, with one for each class."""
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
    """The report as text: what was loaded, what is new, and what was skipped and why."""
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
    lines += [f"left    {line}" for line in reasons(report.skipped)]
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


# A row for each part of the model.
PARTS_IN_WORDS = {
    "temporal": "temporal model",
    "tower": "image tower",
    "mit": "multi-frame integration",
    "head": "head",
    "text": "text tower",
}


def part_in_words(path: str) -> str:
    """What users call the part of the model that a path of ours belongs to.

    Errors: ValueError for a path of no part.
    """
    return PARTS_IN_WORDS[part_of(path)]


def _grouped(paths: Sequence[str], sizes: dict[str, int]) -> list[str]:
    """A line for each part of the model, with the numbers of its tensors and of their elements."""
    parts: dict[str, list[str]] = {}
    for path in paths:
        parts.setdefault(part_in_words(path), []).append(path)
    return [
        f"{part}: {len(members)} tensors, {sum(sizes[p] for p in members):,} numbers, initialised "
        "as in a new model"
        for part, members in parts.items()
    ]


def reasons(skipped: dict[str, str]) -> list[str]:
    """A line for each reason why something was skipped, with the first three names of it.

    skipped: each name to its reason.
    """
    names_of: dict[str, list[str]] = {}
    for name, why in skipped.items():
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

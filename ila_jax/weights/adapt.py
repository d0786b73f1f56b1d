"""Puts the weights of one model into another.

What fits is taken, what the weights do not have starts fresh, and what the model has no place for
is skipped; the report lists all three. Whatever else differs is an error, and all errors come
together: a weight that silently starts fresh would only be noticed by a bad accuracy, days later.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.parts import part_of
from ila_jax.models.paths import from_paths
from ila_jax.models.variants import variant
from ila_jax.recognizer import Origin, Recognizer
from ila_jax.sizes import Arithmetic, Geometry
from ila_jax.weights.foreign.names.rules import flat
from ila_jax.weights.fresh import fill
from ila_jax.weights.positions import over_grid, over_time

# Paths of parameters, as patterns.
_FRAMES = r"mit/positions|visual/.*temporal_embedding"  # an embedding for each frame
_GRID = r"visual/embed/positions"  # an embedding for each patch
_SCALE = "head/logit_scale"  # the one parameter of a head that CLIP has as well
_LINEAR_HEAD = r"head/(norm|fc)/.*"


@dataclass(frozen=True, kw_only=True)
class Allow:
    """What may change on the way, only because the user asked for it.

    frames, resolution: whether position embeddings may be interpolated for another number of frames
    or another resolution. reset_head: whether a linear head for another number of classes may be
    replaced by a newly initialised one.
    """

    frames: bool = False
    resolution: bool = False
    reset_head: bool = False


@dataclass
class Report:
    """What became of each parameter, by its path.

    loaded: paths that were taken from the weights. new: paths that started fresh. skipped: each
    path that was not taken, to the reason. notes: what was changed on the way, in sentences for the
    user.
    """

    loaded: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def adapt(
    source: ModelConfig,
    variables: Variables,
    origin: Origin | None,
    target: ModelConfig,
    *,
    allow: Allow,
    seed: int,
) -> tuple[Recognizer, Report]:
    """A recognizer of the target's model with the weights of another.

    source: the model that the weights belong to. variables: all of them, or those that a file had.
    origin: what is remembered of their file, if they were converted. seed: seed for newly
    initialised parameters.
    Errors: ValueError naming every property and every tensor that does not fit.
    """
    origin = origin or Origin()
    # Properties before tensors: one line about a size says more than a list of all its tensors.
    _check_heads(source, target)
    _check_towers(source.geometry(), target.geometry(), text=target.head == "text")
    report, target_leaves, fresh = Report(), flat(model.abstract(target)), set(origin.fresh)
    # Fresh values of an earlier conversion are kept where they fit, and are new all the same.
    arrays = {
        path: value
        for path, value in flat(variables).items()
        if path not in fresh or (path in target_leaves and target_leaves[path].shape == value.shape)
    }
    towers_only = not any(p.startswith("head/") and p != _SCALE for p in arrays.keys() - fresh)
    # Around CLIP's towers these parts start fresh, so that they may compute in any way.
    if not towers_only:
        parts = ["mit", "prompts"] if source.head == target.head == "text" else ["mit"]
        _check_arithmetic(source.geometry(), target.geometry(), parts)
    move = _Move(source, target, allow, towers_only, report.notes)
    leaves, problems = dict[str, np.ndarray](), list[str]()
    for path, leaf in target_leaves.items():
        value, problem = move(path, arrays.get(path), leaf.shape)
        # What started fresh before was in no file: it may do so again where it does not fit.
        if problem and path not in fresh:
            problems.append(problem)
        if value is not None:
            leaves[path] = np.asarray(value, leaf.dtype)
        (report.new if value is None or path in fresh else report.loaded).append(path)
    if problems:
        raise ValueError("the weights do not fit the model:\n  " + "\n  ".join(problems))
    report.skipped = {p: _why_skipped(p, target) for p in arrays if p not in target_leaves}
    # Last, as fresh values take time and memory that a model that does not fit would not need.
    filled = fill(target, _tree(leaves), seed=seed)
    return Recognizer(target, filled, None, _origin(origin, source, target, report)), report


@dataclass(frozen=True)
class _Move:
    """How a parameter gets from the source's model into the target's.

    towers_only: whether the weights hold CLIP's towers alone. notes: the report's list, to which
    this appends.
    """

    source: ModelConfig
    target: ModelConfig
    allow: Allow
    towers_only: bool
    notes: list[str]

    def __call__(
        self, path: str, value: np.ndarray | None, shape: tuple[int, ...]
    ) -> tuple[np.ndarray | None, str | None]:
        """The value and no problem; or no value, for a fresh one, with the problem if that is one.

        value: the source's array, or None where it has none. shape: the shape in the target.
        """
        if value is not None and value.shape == shape:
            return value, None
        # Before what is missing: with reset_head, a model without a linear head may get one.
        if re.fullmatch(_LINEAR_HEAD, path) and self.allow.reset_head:
            self._note("the linear head starts fresh, as reset_head asks")
            return None, None
        if value is None:
            return None, self._why_missing(path)
        if re.fullmatch(_FRAMES, path):
            return self._frames(path, value, shape[0])
        if re.fullmatch(_GRID, path):
            return self._grid(path, value)
        advice = ": set reset_head for a fresh one" if re.fullmatch(_LINEAR_HEAD, path) else ""
        return None, f"{path} is {list(value.shape)}, expected {list(shape)}{advice}"

    def _frames(
        self, path: str, value: np.ndarray, frames: int
    ) -> tuple[np.ndarray | None, str | None]:
        if not self.allow.frames:
            return None, (
                f"{path}: made for {len(value)} frames, the model takes {frames}: add --frames "
                f"{frames} to interpolate it"
            )
        self._note(f"{path} interpolated from {len(value)} to {frames} frames")
        return over_time(np.asarray(value), frames), None

    def _grid(self, path: str, value: np.ndarray) -> tuple[np.ndarray | None, str | None]:
        old, new = self.source.geometry(), self.target.geometry()
        if not self.allow.resolution:
            return None, (
                f"{path}: made for {old.resolution} px, the model takes {new.resolution}: add "
                f"--resolution {new.resolution} to interpolate it"
            )
        self._note(f"{path} interpolated from {old.grid}×{old.grid} to {new.grid}×{new.grid}")
        return over_grid(np.asarray(value), new.grid), None

    def _why_missing(self, path: str) -> str | None:
        """None where a parameter may start fresh, since no weights of its part were given."""
        source, target = self.source, self.target
        if part_of(path) == "temporal":
            same = source.temporal == target.temporal and source.convolutions == target.convolutions
            return f"missing: {path}" if same else None
        if path.startswith("head/") and source.head != target.head and not self.towers_only:
            return (
                f"{path}: the file has a {source.head} head, the model a {target.head} head: set "
                "reset_head for a fresh one"
            )
        of_video = path.startswith(("mit/", "head/"))
        return None if self.towers_only and of_video else f"missing: {path}"

    def _note(self, note: str) -> None:
        # Every parameter of a head or of each block would say the same.
        if note not in self.notes:
            self.notes.append(note)


def _why_skipped(path: str, target: ModelConfig) -> str:
    if part_of(path) == "temporal":
        return f"of another temporal model than {target.temporal}"
    if not variant(target).integrates and re.match("mit/|head/prompts/", path):
        return "multi-frame integration and prompts, which plain CLIP does without"
    return "the text tower and its head, which a linear head does without"


def _check_heads(source: ModelConfig, target: ModelConfig) -> None:
    """Errors: ValueError for a text head out of weights that have no text tower."""
    if target.head == "text" and source.head == "linear":
        raise ValueError(
            "the weights have a linear head and no text tower, which a text head needs: convert "
            "CLIP's weights or a model with a text head"
        )


def _check_towers(source: Geometry, target: Geometry, *, text: bool) -> None:
    """Compares the image towers, and the text towers where `text`.

    Errors: ValueError naming each size and each part of the arithmetic that differs.
    """
    # The resolution is not among these: position embeddings can be interpolated.
    names = ["patch", "width", "depth", "embed"]
    names += ["text_width", "text_depth", "vocabulary", "context"] if text else []
    wrong = [
        f"{name}: {getattr(source, name)} in the file, {getattr(target, name)} in the model"
        for name in names
        if getattr(source, name) != getattr(target, name)
    ]
    if wrong:
        raise ValueError(
            "the weights are of another size than the model:\n  "
            + "\n  ".join(wrong)
            + "\nChoose the model's size to fit the file, or get the file of that size."
        )
    _check_arithmetic(source, target, ["image", "text"] if text else ["image"])


def _check_arithmetic(source: Geometry, target: Geometry, parts: Sequence[str]) -> None:
    """Compares what no tensor shows: heads, activations and epsilons of these parts.

    Errors: ValueError naming each that the weights were not trained with.
    """
    wrong = [
        f"{part}.{field.name}: {old} in the file, {new} in the model"
        for part in parts
        for field in dataclasses.fields(Arithmetic)
        if (old := getattr(getattr(source, part), field.name))
        != (new := getattr(getattr(target, part), field.name))
    ]
    if wrong:
        raise ValueError(
            "the weights are of a model that computes otherwise:\n  "
            + "\n  ".join(wrong)
            + "\nGive the configuration a model.shape that says so (weights.md), or get "
            "weights that were trained so."
        )


def _origin(origin: Origin, source: ModelConfig, target: ModelConfig, report: Report) -> Origin:
    """What the reverse conversion to PyTorch has to know of the weights in their new model."""
    same = source.temporal == target.temporal and source.head == target.head
    changed = source.geometry().resolution != target.geometry().resolution
    return dataclasses.replace(
        origin,
        # CLIP stays CLIP in any model; a video model's file cannot be made of another model.
        kind=origin.kind if same or origin.kind == "clip" else "",
        # CLIP's hold its resolution, which is another one now.
        integers={} if changed and origin.kind == "clip" else origin.integers,
        fresh=tuple(report.new),
    )


def _tree(values: Mapping[str, np.ndarray]) -> Variables:
    """Undoes `flat`: parameters and running statistics apart again, by their names."""
    stats = {p: v for p, v in values.items() if re.fullmatch(r".*/(mean|var)", p)}
    params = {p: v for p, v in values.items() if p not in stats}
    return Variables(from_paths(params), from_paths(stats))

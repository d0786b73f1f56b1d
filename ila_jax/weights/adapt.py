"""Weights of one model into another: what fits is taken, what is new is fresh, the rest is told."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.variants import variant
from ila_jax.recognizer import Origin, Recognizer
from ila_jax.sizes import Arithmetic, Geometry
from ila_jax.weights.fresh import fill
from ila_jax.weights.positions import over_grid, over_time

_FRAMES = r"mit/positions|visual/.*temporal_embedding"
_GRID = r"visual/embed/positions"
_SCALE = "head/logit_scale"  # which CLIP has as well
_HEAD = r"head/(norm|fc)/.*"  # of the linear head


@dataclass(frozen=True, kw_only=True)
class Allow:
    """What may change on the way, only because somebody asked for it."""

    frames: bool = False
    resolution: bool = False
    reset_head: bool = False


@dataclass
class Report:
    """Paths of ours: loaded from the file, and new. left: what was not taken, and why."""

    loaded: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def adapt(
    there: ModelConfig,
    variables: Variables,
    origin: Origin | None,
    target: ModelConfig,
    *,
    allow: Allow,
    seed: int,
) -> tuple[Recognizer, Report]:
    """A recognizer of the target's model with the weights of another, which may be incomplete.

    Errors: ValueError naming every property and every tensor that does not fit.
    """
    origin = origin or Origin()
    if target.head == "text" and there.head == "linear":
        raise ValueError(
            "the weights have a linear head and no text tower, which a text head needs: convert "
            "CLIP's weights or a model with a text head"
        )
    _check_towers(there.geometry(), target.geometry(), text=target.head == "text")
    report, wanted, fresh = Report(), _flat(model.abstract(target)), set(origin.fresh)
    # Fresh values of an earlier conversion are kept where they fit, and are new all the same.
    have = {
        path: value
        for path, value in _flat(variables).items()
        if path not in fresh or (path in wanted and wanted[path].shape == value.shape)
    }
    headless = not any(p.startswith("head/") and p != _SCALE for p in have.keys() - fresh)
    if not headless:
        parts = ["mit", "prompts"] if there.head == target.head == "text" else ["mit"]
        _check_arithmetic(there.geometry(), target.geometry(), parts)
    move = _Move(there, target, allow, headless, report.notes)
    taken, problems = dict[str, np.ndarray](), list[str]()
    for path, want in wanted.items():
        value, problem = move(path, have.get(path), want.shape)
        if problem and path not in fresh:
            problems.append(problem)
        if value is not None:
            taken[path] = np.asarray(value, want.dtype)
        (report.new if value is None or path in fresh else report.loaded).append(path)
    if problems:
        raise ValueError("the weights do not fit the model:\n  " + "\n  ".join(problems))
    report.left = {p: _why_left(p, target) for p in have if p not in wanted}
    filled = fill(target, _tree(taken, variables), seed=seed)
    return Recognizer(target, filled, None, _origin(origin, there, target, report)), report


@dataclass(frozen=True)
class _Move:
    """One parameter from a model to another. headless: the file is of CLIP's towers alone."""

    there: ModelConfig
    target: ModelConfig
    allow: Allow
    headless: bool
    notes: list[str]

    def __call__(
        self, path: str, value: np.ndarray | None, shape: tuple[int, ...]
    ) -> tuple[np.ndarray | None, str | None]:
        """A value, or None for a fresh one; or why it can get neither."""
        if value is not None and value.shape == shape:
            return value, None
        if re.fullmatch(_HEAD, path) and self.allow.reset_head:
            self._note("the linear head starts fresh, as reset_head asks")
            return None, None
        if value is None:
            return None, self._why_missing(path)
        if re.fullmatch(_FRAMES, path):
            return self._frames(path, value, shape[0])
        if re.fullmatch(_GRID, path):
            return self._grid(path, value)
        advice = ": set reset_head for a fresh one" if re.fullmatch(_HEAD, path) else ""
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
        old, new = self.there.geometry(), self.target.geometry()
        if not self.allow.resolution:
            return None, (
                f"{path}: made for {old.resolution} px, the model takes {new.resolution}: add "
                f"--resolution {new.resolution} to interpolate it"
            )
        self._note(f"{path} interpolated from {old.grid}×{old.grid} to {new.grid}×{new.grid}")
        return over_grid(np.asarray(value), new.grid), None

    def _why_missing(self, path: str) -> str | None:
        """None when a parameter may be new: nothing of its part was in the file."""
        there, target = self.there, self.target
        if "/temporal" in path:
            same = there.temporal == target.temporal and there.convolutions == target.convolutions
            return f"missing: {path}" if same else None
        if path.startswith("head/") and there.head != target.head and not self.headless:
            return (
                f"{path}: the file has a {there.head} head, the model a {target.head} head: set "
                "reset_head for a fresh one"
            )
        return None if self.headless and path.startswith(("mit/", "head/")) else f"missing: {path}"

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _why_left(path: str, target: ModelConfig) -> str:
    if "/temporal" in path:
        return f"of another temporal model than {target.temporal}"
    if not variant(target).integrates and re.match("mit/|head/prompts/", path):
        return "multi-frame integration and prompts, which plain CLIP does without"
    return "the text tower and its head, which a linear head does without"


def _check_towers(there: Geometry, here: Geometry, *, text: bool) -> None:
    names = ["patch", "width", "depth", "embed"]
    names += ["text_width", "text_depth", "vocabulary", "context"] if text else []
    wrong = [
        f"{name}: {getattr(there, name)} in the file, {getattr(here, name)} in the model"
        for name in names
        if getattr(there, name) != getattr(here, name)
    ]
    if wrong:
        raise ValueError(
            "the weights are of another size than the model:\n  "
            + "\n  ".join(wrong)
            + "\nChoose the model's size to fit the file, or get the file of that size."
        )
    _check_arithmetic(there, here, ["image", "text"] if text else ["image"])


def _check_arithmetic(there: Geometry, here: Geometry, parts: Sequence[str]) -> None:
    """Errors: ValueError naming what the tensors do not show, and weights were not trained for."""
    wrong = [
        f"{part}.{field.name}: {had} in the file, {has} in the model"
        for part in parts
        for field in dataclasses.fields(Arithmetic)
        if (had := getattr(getattr(there, part), field.name))
        != (has := getattr(getattr(here, part), field.name))
    ]
    if wrong:
        raise ValueError(
            "the weights are of a model that computes otherwise:\n  "
            + "\n  ".join(wrong)
            + "\nGive the configuration a model.shape that says so (docs/weights.md), or get "
            "weights that were trained so."
        )


def _origin(origin: Origin, there: ModelConfig, target: ModelConfig, report: Report) -> Origin:
    """CLIP stays CLIP in any model; another model's file is no file of this one."""
    same = there.temporal == target.temporal and there.head == target.head
    changed = there.geometry().resolution != target.geometry().resolution
    return dataclasses.replace(
        origin,
        kind=origin.kind if same or origin.kind == "clip" else "",
        integers={} if changed and origin.kind == "clip" else origin.integers,
        fresh=tuple(report.new),
    )


def _flat(variables: Variables) -> dict:
    return {
        **flatten_dict(variables.params, sep="/"),
        **flatten_dict(variables.batch_stats, sep="/"),
    }


def _tree(values: Mapping[str, np.ndarray], like: Variables) -> Variables:
    """Parameters and running statistics apart again: statistics are named mean and var."""
    stats = {p: v for p, v in values.items() if re.fullmatch(r".*/(mean|var)", p)}
    params = {p: v for p, v in values.items() if p not in stats}
    return Variables(unflatten_dict(params, sep="/"), unflatten_dict(stats, sep="/"))
